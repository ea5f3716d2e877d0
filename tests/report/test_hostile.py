"""What the files of a run may try: names that are markup, content that is not what it should be.

Each either gives a page on which it is text, or a FileFormatError that names the file.
"""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report_runs import (
    finding,
    full_evaluation,
    full_findings,
    full_log,
    full_looks,
    full_settings,
    full_treatment,
    layer,
    write_full_run,
    write_run,
    write_watched_run,
)

from latih.errors import FileFormatError
from latih.report import build_report
from latih.report.checks import LARGEST_FILE

NASTY = [
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)",
    "{{ 7 * 191 }}{% raise %}{# gone #}",
    "$\\frac{1}{0}$ ${HOME} $$",
    "]]></svg><script>alert(2)</script>",
    "--><b>&lt;&amp;",
    "令\u202e\u0000\u0007名前 令 🏋️‍♀️",
    "x" * 5000,
    "",
    "%s %(a)s \\ud800 \n\r\t",
]


class Tags(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Tags:
    run = write_full_run(tmp_path_factory.mktemp("plain"))
    return Tags(build_report(run).read_text("utf-8"))


@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_name_comes_out_as_text_wherever_it_stands(
    nasty: str, plain: Tags, tmp_path: Path
) -> None:
    settings = full_settings()
    settings["run"] |= {"name": nasty, "stopped": nasty, "device": nasty, "started": nasty}
    settings["data"] |= {"name": nasty, "classes": [nasty] * 10}
    settings["model"] |= {"name": nasty, "layers": [layer(nasty, nasty, [nasty, 3], 1)]}
    settings["compile"] |= {nasty: {nasty: [nasty, {nasty: nasty}]}}
    settings["versions"][nasty] = nasty
    settings[f"table {nasty}"] = {nasty: nasty}
    log = [line | {nasty: 1.0, f"val_{nasty}": 2.0} for line in full_log()]
    evaluation = full_evaluation()
    evaluation["scores"][nasty] = 0.5
    source = build_report(write_run(tmp_path, settings, log, evaluation)).read_text("utf-8")

    assert Tags(source).found == plain.found
    assert Tags(source).attributes == plain.attributes
    assert "1337" not in Tags(source).words
    assert not {"\x00", "\u202e", "\ud800"} & set(source)
    if "{{" in nasty or "<" in nasty:
        assert nasty in Tags(source).words
    assert len(source) < 1_000_000


def renamed(value: Any, nasty: str) -> Any:
    """Every text of a doctor's file made nasty, and the names of layers; what is data is left."""
    if isinstance(value, dict):
        return {
            f"{name}{nasty}" if name.startswith("dense") else name: one
            if name in ("severity", "moment", "relation")
            else renamed(one, nasty)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [renamed(one, nasty) for one in value]
    return f"{value[:8]}{nasty}" if isinstance(value, str) else value


@pytest.mark.parametrize("nasty", NASTY)
def test_what_a_doctor_wrote_comes_out_as_text_wherever_it_stands(
    nasty: str, tmp_path: Path
) -> None:
    plain = Tags(build_report(write_watched_run(tmp_path / "plain")).read_text("utf-8"))
    run = write_watched_run(tmp_path / "nasty")
    run.layers.start(renamed(full_looks(), nasty))
    run.findings.start(renamed(full_findings(), nasty))
    run.treatment.write(renamed(full_treatment(), nasty))
    run.facts.path.unlink()
    source = build_report(run).read_text("utf-8")
    assert Tags(source).found == plain.found
    assert Tags(source).attributes == plain.attributes
    assert "1337" not in Tags(source).words
    assert not {"\x00", "\u202e", "\ud800"} & set(source)
    assert len(source) < 1_000_000


def test_a_layer_named_script_is_a_row_of_that_name(tmp_path: Path) -> None:
    name = "<script>x</script>"
    run = write_run(tmp_path)
    run.layers.start(
        [{"step": step, "layers": {name: {"gradient": 0.5, "update": 0.1}}} for step in (1, 2)]
    )
    run.findings.append(finding(layer=name))
    source = build_report(run).read_text("utf-8")
    assert "<script" not in source
    assert source.count("&lt;script&gt;x&lt;/script&gt;") == 3  # two plots and a card


def test_a_finding_for_each_of_many_layers_makes_a_page(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    names = [f"dense_{number}" for number in range(60)]
    run.layers.start([{"step": 1, "layers": {name: {"gradient": 0.5} for name in names}}])
    run.findings.start([finding(layer=name) for name in names])
    source = build_report(run).read_text("utf-8")
    assert names[0] in source and names[-1] in source


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("facts", {"facts": 3}),
        ("facts", {"facts": {"layers": 3}}),
        ("facts", {"facts": {"layers": ["dense"]}}),
        ("facts", {"facts": {"outputs": [3]}}),
        ("facts", {"facts": {"steps": -1}}),
        ("facts", {"facts": {"steps": "many"}}),
        ("layers", [{}]),
        ("layers", [{"step": -1}]),
        ("layers", [{"step": 1.5}]),
        ("layers", [{"step": 10**30}]),
        ("layers", [{"step": 1, "layers": 3}]),
        ("layers", [{"step": 1, "layers": {"a": 3}}]),
        ("findings", [{"evidence": 3}]),
        ("findings", [{"evidence": [3]}]),
        ("findings", [{"remedies": "relu"}]),
        ("findings", [{"words": "x"}]),
        ("findings", [{"words": {"evidence": 3}}]),
        ("treatment", {"trials": 3}),
        ("treatment", {"trials": [3]}),
        ("treatment", {"changes": "x"}),
    ],
)
def test_a_malformed_file_of_the_doctors_is_refused_by_name(
    file: str, content: Any, tmp_path: Path
) -> None:
    run = write_run(tmp_path)
    written = getattr(run, file)
    (written.write if isinstance(content, dict) else written.start)(content)
    with pytest.raises(FileFormatError, match=written.path.name.replace(".", r"\.")):
        build_report(run)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("facts", {}),
        ("facts", {"facts": {"layers": [{}, {"name": 3}], "steps": 0}}),
        ("layers", [{"step": 1, "loss": "low", "layers": {"": {"gradient": [1], "update": True}}}]),
        ("layers", [{"step": 2**52, "loss": 1.0}, {"step": 1, "loss": 2.0}]),
        ("layers", [{"step": 1, "layers": {"N0000": {"gradient": 1.0}, "N0001n": {"update": 1}}}]),
        ("findings", [{}]),
        ("findings", [{"code": 3, "severity": [1], "probability": 1e9, "step": -4, "layer": 7}]),
        ("findings", [{"step": 1e300, "at_step": "x", "moment": {"a": 1}, "text": 3}]),
        ("findings", [finding(evidence=[{}] * 500, remedies=[3] * 500)] * 500),
        ("treatment", {}),
        ("treatment", {"trials": [{}] * 500, "changes": [1] * 5000, "code": 3}),
        ("treatment", {"code": "x" * 10**6, "changes": ["a"], "steps": 1e300, "cost": 1}),
        ("treatment", {"skill": 10**400, "given_skill": True, "trial_epochs": "x"}),
    ],
)
def test_an_odd_file_of_the_doctors_gets_a_careful_page(
    file: str, content: Any, tmp_path: Path
) -> None:
    run = write_run(tmp_path)
    written = getattr(run, file)
    (written.write if isinstance(content, dict) else written.start)(content)
    run.layers.append({"step": 3, "loss": 1.0})
    assert build_report(run).stat().st_size < 1_000_000


def test_thousands_of_looks_at_thousands_of_layers_keep_the_page_small(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    layers = {f"a layer with a long name {n}": {"gradient": 0.1, "mean": 1.0} for n in range(500)}
    run.layers.start([{"step": step, "loss": 1.0, "layers": layers} for step in range(100)])
    assert build_report(run).stat().st_size < 1_000_000


def test_lone_surrogates_and_endless_lists_are_made_fit(tmp_path: Path) -> None:
    run = write_run(tmp_path, {"fit": {"huge": list(range(10**5))}, "run": {"name": "a"}})
    run.log.path.write_text('{"epoch": 1, "\\ud800": 1.5}\n')
    run.evaluation.path.write_text('{"scores": {"\\udfff": 1}}')
    source = build_report(run).read_text("utf-8")
    assert "\ufffd" in source and "more]" in source and len(source) < 100_000


SHORT_LOG = [{"epoch": 1, "accuracy": 0.5}]
GOOD = {"index": 1, "true": 0, "predicted": 1, "confidence": 0.5}


@pytest.mark.parametrize(
    "evaluation",
    [
        [],
        "scores",
        {"scores": [0.5]},
        {"scores": {"loss": "low"}},
        {"scores": {"loss": True}},
        {"folds": {"accuracy": 1}},
        {"folds": [0.5]},
        {"folds": [{"accuracy": "high"}]},
        {"choice": ["probe"]},
        {"choice": {"probe": 0.5}},
        {"choice": {"kept": {"accuracy": True}}},
        {"confusion": {"0": 1}},
        {"confusion": [1, 2]},
        {"confusion": [[1, 2], [3]]},
        {"confusion": [[1, 2, 3], [4, 5, 6]]},
        {"confusion": [[1, -2], [3, 4]]},
        {"confusion": [[1, 2.5], [3, 4]]},
        {"confusion": [[1, None], [3, 4]]},
        {"confusion": [[1, True], [3, 4]]},
        {"confusion": [[1, 10**300], [3, 4]]},
        {"mistakes": {"index": 1}},
        {"mistakes": [3]},
        {"mistakes": [GOOD | {"true": -1}]},
        {"mistakes": [GOOD | {"predicted": "shirt"}]},
        {"mistakes": [GOOD | {"index": None}]},
        {"mistakes": [GOOD | {"name": 3}]},
        {"mistakes": [GOOD | {"name": ["a.png"]}]},
        {"mistakes": [GOOD | {"confidence": 1.5}]},
        {"mistakes": [GOOD | {"confidence": -0.1}]},
        {"mistakes": [GOOD | {"confidence": "sure"}]},
        {"mistakes": [GOOD | {"image": []}]},
        {"mistakes": [GOOD | {"image": [[]]}]},
        {"mistakes": [GOOD | {"image": 3}]},
        {"mistakes": [GOOD | {"image": "AAAA"}]},
        {"mistakes": [GOOD | {"image": [1, 2, 3]}]},
        {"mistakes": [GOOD | {"image": [[1, 2], [3]]}]},
        {"mistakes": [GOOD | {"image": [[1, 2], [3, "4"]]}]},
        {"mistakes": [GOOD | {"image": [[1, 2], [3, None]]}]},
        {"mistakes": [GOOD | {"image": [[1, 2], [3, 256]]}]},
        {"mistakes": [GOOD | {"image": [[1, 2], [3, -1]]}]},
        {"mistakes": [GOOD | {"image": [[1, 2], [3, 10**40]]}]},
        {"mistakes": [GOOD | {"image": [[0.5, 2], [3, 1]]}]},
        {"mistakes": [GOOD | {"image": [[True, False]]}]},
        {"mistakes": [GOOD | {"image": [[[1, 2]]]}]},
        {"mistakes": [GOOD | {"image": {"a": 1}}]},
    ],
)
def test_a_malformed_evaluation_is_refused_by_name(evaluation: object, tmp_path: Path) -> None:
    run = write_run(tmp_path, full_settings(), SHORT_LOG, evaluation)
    with pytest.raises(FileFormatError, match=r"evaluation\.json"):
        build_report(run)
    assert not run.report_file.exists()


@pytest.mark.parametrize(
    "evaluation",
    [
        {},
        {"scores": None, "confusion": None, "mistakes": None},
        {"scores": {"loss": 1e308, "other": -1e308}},
        {"scores": {"loss": 10**400}},
        {"folds": [{f"score {n}": n for n in range(500)}] * 5000},
        {"folds": [{}, {"a": None}, {"<b>": 1}], "scores": {"a": 1}},
        {"choice": {"neither": 3, "probe": {}}, "scores": {"a": 1}},
        {"confusion": [[0, 0], [0, 0]]},
        {"confusion": [[3]]},
        {"confusion": [[0] * 600] * 600},
        {"mistakes": [GOOD | {"true": 10**9, "confidence": None}] * 500},
        {"mistakes": [GOOD | {"image": [[7]]}]},
        {"mistakes": [GOOD | {"image": [[[1, 2, 3]] * 4] * 4}]},
        {"mistakes": [GOOD | {"image": [[9] * 1500] * 1000}] * 2},
        {"mistakes": [GOOD | {"image": [[9] * 100_000]}]},
    ],
)
def test_an_odd_evaluation_gets_a_careful_page(evaluation: object, tmp_path: Path) -> None:
    page = build_report(write_run(tmp_path, full_settings(), SHORT_LOG, evaluation))
    assert page.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "settings",
    [
        {"run": 3},
        {"data": [1]},
        {"model": "x"},
        {"model": {"layers": 3}},
        {"model": {"layers": [3]}},
        {"data": {"classes": "abc"}},
        {"format": 2},
        {"format": "1"},
    ],
)
def test_a_malformed_run_is_refused_by_name(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"run\.toml"):
        build_report(write_run(tmp_path, settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"run": {"seconds": "long", "epochs_done": [1], "stopped": 3, "started": {"a": 1}}},
        {"run": {"seconds": float("nan")}},
        {"run": {"seconds": -1e300, "seed": float("inf")}},
        {"model": {"parameters": "many", "trainable": -1, "layers": [{}]}},
        {"model": {"layers": [layer("a", "b", [["None", 1], ["None"]], 0)] * 3000}},
        {"model": {"layers": [{"name": [1], "output_shape": {"a": [[[[[[1]]]]]]}}]}},
        {"data": {"classes": [1, None, True, {"a": 2}], "test": "some"}},
        {"loose": 3, "unknown": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}},
        {"fit": {f"key{number}": number for number in range(5000)}},
    ],
)
def test_an_odd_run_gets_a_careful_page(settings: dict[str, Any], tmp_path: Path) -> None:
    page = build_report(write_run(tmp_path, settings, SHORT_LOG, full_evaluation()))
    assert page.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "toml",
    [
        b"[run\n",
        b"\xff\xfe",
        b"a = " + b"[" * 5000 + b"]" * 5000,
        b"a = " + b"9" * 5000,
    ],
)
def test_unreadable_toml_is_refused_by_name(toml: bytes, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    run.settings_file.write_bytes(toml)
    with pytest.raises(FileFormatError, match=r"run\.toml"):
        build_report(run)


def test_an_endless_hexadecimal_and_a_deep_table_get_a_page(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    deep = ".".join(["a"] * 3000)
    run.settings_file.write_text(f"[fit]\nx = 0x{'f' * 9000}\n[{deep}]\nb = 1\n")
    assert "30 digits" in build_report(run).read_text("utf-8")


@pytest.mark.parametrize("name", ["log", "evaluation", "layers", "findings", "facts"])
@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"epoch": ' + b"9" * 5000 + b"}",
        b"3",
        b"null3",
        b'"text"',
    ],
)
def test_unreadable_json_is_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    file: Path = getattr(run, name).path
    # A second line, since a broken last line of the log is a crash's, and passed over.
    file.write_bytes(content + b"\n{}\n")
    with pytest.raises(FileFormatError, match=file.name.replace(".", r"\.")):
        build_report(run)


@pytest.mark.parametrize(
    "line",
    [
        {"epoch": "one"},
        {"epoch": 1.5},
        {"epoch": None},
        {"epoch": -1},
        {"epoch": True},
        {"epoch": 10**12},
    ],
)
def test_an_epoch_that_is_none_is_refused(line: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"log\.jsonl"):
        build_report(write_run(tmp_path, {}, [line]))


@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308, 1e308],
        [1e99, -1e99, 0],
        [5e-324, 1e99, 1],
        [10**400, 1, 2],
        [1e-300, 1e-301, 1e-302],
        [1 + 1e-16, 1, 1],
        ["a", [1], {"b": 2}],
        [0, 0, 0],
    ],
)
def test_numbers_of_any_size_are_drawn_or_passed_over(values: list[Any], tmp_path: Path) -> None:
    run = write_run(tmp_path)
    run.log.path.write_text(
        "".join(
            json.dumps({"epoch": 10**8 * place, "loss": v, "learning_rate": v, "seconds": v}) + "\n"
            for place, v in enumerate(values)
        )
    )
    assert build_report(run).is_file()


def test_a_thousand_metrics_are_not_a_thousand_drawings(tmp_path: Path) -> None:
    log = [{"epoch": 1} | {f"metric{number}": 1.0 for number in range(1000)}]
    source = build_report(write_run(tmp_path, {}, log)).read_text("utf-8")
    assert source.count("<svg") == 24 and "976 more metrics are in log.jsonl" in source


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with run.evaluation.path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(FileFormatError, match=r"at most 64 MiB"):
        build_report(run)
