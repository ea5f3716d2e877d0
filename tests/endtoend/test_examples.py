"""The scripts of ``examples/`` run as they stand, without a warning, and learn what they say."""

import runpy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

# What a script must end with; an untrained net, and one that learnt little, ends far from it.
BOUNDS: dict[str, Callable[[dict[str, Any]], bool]] = {
    # Ten classes of equal size: chance is 0.1.
    "residual_network": lambda ended: ended["accuracy"] > 0.72,
    # The best straight line through the wide view misses by 0.75, the mean of all prices by 1.24.
    "wide_and_deep": lambda ended: (
        ended["scores"]["price_mae"] < 0.35 and 0.5 < ended["scores"]["deep_price_mae"] < 1.1
    ),
    # A net that answers 0 comes within 0.1 of 18% of the heights.
    "custom_parts": lambda ended: ended["share"] > 0.85 and ended["difference"] == 0,
    "monte_carlo_dropout": lambda ended: (
        ended["accuracy"] > 0.78
        and ended["inverted_spread"] > 1.15 * ended["known_spread"]
        and ended["noise_spread"] > 1.5 * ended["known_spread"]
    ),
    "from_a_data_loader": lambda ended: (
        ended["accuracy"] > 0.78 and ended["mirrored_accuracy"] > 0.76
    ),
    # A run that was begun anew would have the same bits too, and none of its `resumed`.
    "resume_after_a_kill": lambda ended: (
        ended["killed_by"] == signal.SIGKILL
        and "resumed" in Path("runs/killed/run.toml").read_text(encoding="utf-8")
        and ended["same_weights"]
        and ended["same_moments"]
        and ended["same_history"]
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_an_example_learns(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert BOUNDS[name](ended), said


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(BOUNDS)


@pytest.mark.parametrize("name", BOUNDS)
def test_an_example_says_what_it_shows(name: str) -> None:
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert source.startswith('"""') and "import latih as keras\n" in source
