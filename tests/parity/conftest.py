"""``--parity-table FILE``: how near Latih comes to Keras, by name; ``make parity`` asks for it.

The table is made of what the tests compare anyway: for as long as it is asked for, the functions
that compare numbers also write down how far apart these were. They accept what they always accept.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.callbacks import Callback
from latih.registry import Configured

FAMILIES = {
    "layers": latih.layers,
    "activations": latih.activations,
    "initializers": latih.initializers,
    "regularizers": latih.regularizers,
    "constraints": latih.constraints,
    "losses": latih.losses,
    "metrics": latih.metrics,
    "schedules": latih.optimizers.schedules,
    "optimizers": latih.optimizers,
    "callbacks": latih.callbacks,
    "ops": latih.ops,
}
OTHER = "training and the rest"

COARSE = 1e-3
"""A comparison that allows this much, absolutely or relatively, tells nothing of rounding."""

FOOTNOTE = f"""\
A case is a test that passed; those that draw examples by themselves count once. A comparison is one
of arrays or numbers. Its error is the largest difference in it, divided by the largest number that
was expected in it, or by atol / rtol where that is larger, the size below which the tolerance is an
absolute one. The worst of a row's comparisons is shown; "equal" where all were of names, decisions
or numbers that must be the same; "coarse" where all allowed {COARSE:g} or more, as those of the
moments of random draws do: such comparisons are counted, and left out of the error.
"""


@dataclass
class Row:
    """What is known of one name."""

    cases: int = 0
    numeric_cases: int = 0
    comparisons: int = 0
    errors: list[float] = field(default_factory=list)

    def add(self, other: "Row") -> None:
        self.cases += other.cases
        self.numeric_cases += other.numeric_cases
        self.comparisons += other.comparisons
        self.errors += other.errors

    @property
    def worst(self) -> str:
        if self.errors:
            return f"{max(self.errors):.1e}" if max(self.errors) > 0 else "0"
        return "coarse" if self.comparisons else "equal"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--parity-table", metavar="FILE", help="write the table of parity there")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--parity-table", default=None)
    if path:
        config.pluginmanager.register(ParityTable(Path(path)), "parity table")


class ParityTable:
    """The plugin: listens to the comparisons of each test, and writes the table in the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple[str, str], Row] = defaultdict(Row)
        self.here = Row()  # of the test that runs
        self.made: set[str] = set()  # the classes that its code made objects of
        self.file = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Function) -> Generator[None, Any, Any]:
        self.here, self.made, self.file = Row(), set(), str(item.path)
        with pytest.MonkeyPatch.context() as patch:
            self._listen(patch)
            result = yield
        self.here.cases, self.here.numeric_cases = 1, int(self.here.comparisons > 0)
        self.rows[subject_of(item, self.made)].add(self.here)
        return result

    def _listen(self, patch: pytest.MonkeyPatch) -> None:
        def comparing(compare: Callable[..., None], rtol: float, atol: float) -> Any:
            def compare_and_note(actual: Any, expected: Any, *args: Any, **kwargs: Any) -> None:
                compare(actual, expected, *args, **kwargs)
                granted = [kwargs.get("rtol"), kwargs.get("atol")]
                relative, absolute = (
                    default if given is None else float(given)
                    for given, default in zip(granted, (rtol, atol), strict=True)
                )
                self.note(actual, expected, relative, absolute)

            return compare_and_note

        for module, name, tolerances in (
            (np.testing, "assert_allclose", (1e-7, 0.0)),
            (np.testing, "assert_array_equal", (0.0, 0.0)),
            (torch.testing, "assert_close", (1.3e-6, 1e-5)),
        ):
            patch.setattr(module, name, comparing(getattr(module, name), *tolerances))
        approx = pytest.approx
        patch.setattr(
            pytest, "approx", lambda *args, **kwargs: Near(approx(*args, **kwargs), self.note)
        )

        def new(cls: type, *args: Any, **kwargs: Any) -> Any:
            if sys._getframe(1).f_code.co_filename == self.file:
                self.made.add(cls.__name__)
            return object.__new__(cls)

        for base in (Configured, Callback):
            patch.setattr(base, "__new__", new, raising=False)

    def note(self, actual: Any, expected: Any, rtol: float, atol: float) -> None:
        """Write down a comparison that was passed."""
        if isinstance(expected, dict):
            actual, expected = [actual[key] for key in expected], list(expected.values())
        if isinstance(expected, list | tuple) and any(np.ndim(as_array(e)) for e in expected):
            for one, other in zip(actual, expected, strict=True):
                self.note(one, other, rtol, atol)
            return
        self.here.comparisons += 1
        if rtol < COARSE and atol < COARSE:
            self.here.errors.append(
                relative_error(as_array(actual), as_array(expected), rtol, atol)
            )

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus == 0:
            self.path.write_text(self.text(), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        terminalreporter.write(
            self.text() if exitstatus == 0 else "\nno table of parity: not all tests passed\n"
        )

    def text(self) -> str:
        lines = list(self._lines())
        versions = f"Keras {keras.__version__} on PyTorch {torch.__version__.split('+')[0]}"
        return "\n".join([f"# Latih against {versions}", "", *lines, "", FOOTNOTE])

    def _lines(self) -> Iterator[str]:
        total = Row()
        for row in self.rows.values():
            total.add(row)
        yield from (
            f"{total.cases} cases under {len(self.rows)} names, {total.numeric_cases} of them of "
            f"numbers, with {total.comparisons} comparisons. The worst relative error is "
            f"{total.worst}.",
            "",
        )
        for family in [*FAMILIES, OTHER]:
            rows = {name: row for (kind, name), row in self.rows.items() if kind == family}
            if not rows:
                continue
            width = max(map(len, rows))
            yield from (
                f"## {family}",
                "",
                f"| {'name':{width}} | cases | comparisons | worst relative error |",
                f"|{'-' * (width + 2)}|------:|------------:|---------------------:|",
            )
            for name in sorted(rows, key=str.casefold):
                row = rows[name]
                yield f"| {name:{width}} | {row.cases:5} | {row.comparisons:11} | {row.worst:>20} |"
            yield ""


class Near:
    """``pytest.approx`` that tells what it was compared with."""

    def __init__(self, approx: Any, note: Callable[..., None]) -> None:
        self.approx, self.note = approx, note

    def __eq__(self, actual: object) -> bool:
        equal = self.approx == actual
        if equal:
            rtol = 1e-6 if self.approx.rel is None else self.approx.rel
            atol = 1e-12 if self.approx.abs is None else self.approx.abs
            self.note(actual, self.approx.expected, float(rtol), float(atol))
        return equal

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.approx)


def subject_of(item: pytest.Function, made: set[str]) -> tuple[str, str]:
    """Return what a test compares: a family, and a name in it or the test's own words.

    That is the public name in the test's id; else the class that its code made objects of, if that
    was one of its family.
    """
    words = re.sub(r"^test_", "", item.originalname).replace("_", " ")
    stem = item.path.stem.removeprefix("test_")
    if stem == "training":  # whole nets
        return OTHER, words
    families = [family for family in FAMILIES if _speaks_of(family, f"{stem} {words}")]
    families = families or [family for family in FAMILIES if family != "ops"]
    for token in re.split(r"[-.,\s]", item.callspec.id if hasattr(item, "callspec") else ""):
        for family in families:
            if is_public(family, token):
                return family, token
    for family in families:
        one = [name for name in made if is_public(family, name)]
        if len(one) == 1:
            return family, one[0]
        if one:
            break
    return families[0] if _speaks_of(families[0], stem) else OTHER, words


def _speaks_of(family: str, text: str) -> bool:
    words = text.replace("_", " ").split()
    further = {"losses": "loss", "layers": "wrappers"}.get(family, family)
    return any(word in words for word in (family, family.removesuffix("s"), further))


def is_public(family: str, name: str) -> bool:
    """Whether a family shows a class or function of this name."""
    return name[:1].isalpha() and callable(getattr(FAMILIES[family], name, None))


def as_array(values: Any) -> np.ndarray:
    """Return anything that tests compare as an array of float64 or complex128."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = values.to(torch.complex128 if values.is_complex() else torch.float64).numpy()
    array = np.asarray(values)
    return array if array.dtype.kind in "cOUS" else array.astype("float64")


def relative_error(actual: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> float:
    """Return the largest difference, as a part of the largest number expected."""
    if expected.dtype.kind in "OUS":
        return 0.0
    known = np.isfinite(expected)
    actual, expected = np.broadcast_to(actual, expected.shape)[known], expected[known]
    size = max(np.abs(expected).max(initial=0.0), atol / max(rtol, 1e-5))
    difference = np.abs(actual - expected).max(initial=0.0)
    return float(difference / size) if size else float(difference)
