"""The doctor on the page: what it found, what that rests on, what it tried."""

import base64
import io
import math
import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from report_reading import Page
from report_runs import (
    finding,
    full_facts,
    full_findings,
    full_looks,
    full_treatment,
    write_full_run,
    write_run,
    write_watched_run,
)

import latih as keras
from latih.callbacks import Doctor
from latih.doctor.remedies import REMEDIES
from latih.doctor.rules import RULES
from latih.report import build_report
from latih.report.phrases import PHRASES
from latih.run_directory import RunDirectory

PLOTS = (
    "Loss and findings",
    "Skill",
    "Norm of all gradients",
    "Gradient flow",
    "Update ratios",
    "Dead and saturated units",
    "Activation ranges",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(build_report(write_watched_run(tmp_path_factory.mktemp("watched"))))


def drawing(page: Page, title: str) -> str:
    """The SVG element under a title."""
    found = re.search(
        rf"<figcaption>{title}</figcaption>.*?(<svg.*?</svg>)", page.source, re.DOTALL
    )
    assert found is not None
    return found[1]


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def cards(page: Page) -> list[str]:
    found = re.findall(r"<article(.*?)</article>", page.source, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", one)) for one in found]


def watched(directory: Path, **files: Any) -> Page:
    run = write_run(directory)
    for name, content in files.items():
        file = getattr(run, name)
        (file.write if isinstance(content, dict) else file.start)(content)
    return Page(build_report(run))


# Cards


def test_a_card_has_all_that_a_finding_says(page: Page) -> None:
    assert "2 faults found. The doctor looked at the net 55 times." in page.text
    (card,) = [one for one in cards(page) if "vanishing-gradient" in one]
    for told in (
        " 1 Vanishing gradient fault · 85 % vanishing-gradient · layer dense_0",
        "seen from step 200 on · told after step 240",
        "It gets smaller by the layer.",
        "gradient of first over last layer 2.5e-07 &lt; 0.001",
        "skill 0.0125",
        "Use ReLU. Put BatchNormalization in.",
        "If the net learns all the same.",
    ):
        assert told in card


def test_faults_come_first_and_the_likeliest_of_them(page: Page) -> None:
    codes = [
        next(one["code"] for one in full_findings() if one["code"] in card) for card in cards(page)
    ]
    assert codes == [
        "vanishing-gradient",
        "learning-rate-too-low",
        "unnormalised-inputs",
        "class-imbalance",
    ]
    assert "told before the first step" in cards(page)[2]
    assert "told at the end" in cards(page)[3]


def test_a_healthy_run_is_said_to_be_one(tmp_path: Path) -> None:
    page = watched(tmp_path, facts=full_facts(), layers=full_looks()[:1], findings=[])
    assert "No fault found. The doctor looked at the net once." in page.text
    assert not cards(page)


def test_without_a_doctor_there_is_nothing_of_it(tmp_path: Path) -> None:
    page = Page(build_report(write_full_run(tmp_path)))
    for word in ("Diagnosis", "Treatment", "What it rests on", "doctor"):
        assert word not in page.text


def test_a_finding_without_words_is_told_by_its_code_and_its_text(tmp_path: Path) -> None:
    bare = finding()
    del bare["words"]
    page = watched(tmp_path, findings=[bare])
    (card,) = cards(page)
    assert " vanishing-gradient " in card and bare["text"] in card
    assert "gradient ratio 2.5e-07" in card and "relu batch-normalisation" in card


# Plots


def test_every_plot_is_there_when_all_was_measured(page: Page) -> None:
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", page.source)
    assert tuple(titles[: len(PLOTS)]) == PLOTS


@pytest.mark.parametrize(
    ("unmeasured", "gone"),
    [
        ({"loss"}, {PLOTS[0]}),
        ({"skill", "accuracy"}, {PLOTS[1]}),
        ({"gradient_norm", "clipped_norm"}, {PLOTS[2]}),
        ({"gradient"}, {PLOTS[3]}),
        ({"update"}, {PLOTS[4]}),
        ({"silent", "saturated"}, {PLOTS[5]}),
        ({"deviation"}, {PLOTS[6]}),
    ],
)
def test_what_was_not_measured_has_no_plot(
    unmeasured: set[str], gone: set[str], tmp_path: Path
) -> None:
    def less(table: dict[str, Any]) -> dict[str, Any]:
        return {
            name: less(value) if isinstance(value, dict) else value
            for name, value in table.items()
            if name not in unmeasured
        }

    page = watched(tmp_path, layers=[less(look) for look in full_looks(3)[:6]])
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", page.source)
    assert titles == [title for title in PLOTS if title not in gone]


def test_a_layers_row_has_its_name_and_a_look_its_step(page: Page) -> None:
    told = texts(drawing(page, "Gradient flow"))
    assert [name for name in told if name.startswith("dense")] == [
        f"dense_{place}" for place in range(20)
    ]
    assert {"1", "2,000", "10⁻⁵"} <= set(told)


def test_a_heat_map_is_darker_where_the_gradient_is_smaller(tmp_path: Path) -> None:
    looks = [
        {
            "step": step,
            "layers": {
                name: {"gradient": 10.0**power if step else None}
                for name, power in (("a", -6), ("b", -3), ("c", 0))
            },
        }
        for step in (0, 1, 2)
    ]
    looks[1]["layers"]["a"]["gradient"] = 0.0
    looks[2]["layers"]["b"]["gradient"] = "NaN"
    looks[2]["layers"]["c"]["gradient"] = None
    page = watched(tmp_path, layers=looks)
    address = re.findall(r'href="(data:image/png;base64,[^"]*)"', drawing(page, "Gradient flow"))[0]
    png = base64.b64decode(re.sub(r"\s", "", address).partition(",")[2])
    cells = np.rint(matplotlib.image.imread(io.BytesIO(png)) * 255).astype(int)
    cells = cells if cells.shape[2] == 4 else np.dstack([cells, np.full((3, 2), 255)])
    assert cells.shape == (3, 2, 4)
    assert tuple(cells[0, 0, :3]) == (213, 94, 0)
    assert tuple(cells[1, 1, :3]) == (204, 121, 167)
    assert cells[2, 1, 3] == 0
    darkness = [cells[0, 1, :3].sum(), cells[1, 0, :3].sum(), cells[2, 0, :3].sum()]
    assert darkness == sorted(darkness) and darkness[0] < darkness[1] < darkness[2]
    assert "exactly 0 NaN or infinite" in page.text


def test_the_findings_are_marked_on_the_loss_at_their_steps(page: Page) -> None:
    svg = drawing(page, "Loss and findings")
    # The advice was there before the first step; what is told of the whole run has no step.
    assert [text for text in texts(svg) if text in "1234"][-3:] == ["3", "1", "2"]
    upright = r'<path d="M ([\d.]+) [\d.]+ ?\nL \1 [\d.]+ ?\n"[^>]*stroke: (var\(--\w+\))'
    lines = {colour: float(x) for x, colour in re.findall(upright, svg)}
    assert {"var(--fault)", "var(--advice)"} <= set(lines)
    assert lines["var(--advice)"] < lines["var(--fault)"]


@pytest.mark.parametrize("before", [0, 5])
def test_the_epochs_of_the_log_stand_at_the_steps_at_which_they_ended(
    before: int, tmp_path: Path
) -> None:
    run = write_run(tmp_path, {}, [{"epoch": before + n, "loss": 1.0 / n} for n in (1, 2, 3, 4)])
    run.facts.write({"facts": {"steps": 50}})
    run.layers.start([{"step": n, "epoch": before + n // 50, "loss": 1.0} for n in (0, 100, 200)])
    svg = drawing(Page(build_report(run)), "Loss and findings")

    def places(colour: str) -> list[float]:
        found = re.search(rf'<path d="([^"]*)"[^>]*stroke: var\(--{colour}\)', svg)
        assert found is not None
        return [float(x) for x in re.findall(r"[ML] ([\d.]+) ", found[1])]

    probe, epochs = places("accent"), places("training")
    assert epochs[1] == pytest.approx(probe[1], abs=0.1)
    assert epochs[3] == pytest.approx(probe[2], abs=0.1)


def test_the_layers_of_a_deep_net_are_thinned_and_those_found_ill_are_kept(tmp_path: Path) -> None:
    page = watched(
        tmp_path,
        facts=full_facts(200),
        layers=full_looks(200)[:3],
        findings=[finding(layer="dense_133")],
    )
    told = texts(drawing(page, "Gradient flow"))
    assert {"dense_0", "dense_133", "dense_199"} <= set(told)
    assert "of 200 layers are drawn" in page.text
    assert len(page.source) < 1_000_000


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", 0.0, 1e-300, 1e90, -1.0])
def test_a_value_of_any_kind_is_drawn_or_passed_over(value: object, tmp_path: Path) -> None:
    signs = ("gradient", "update", "mean", "deviation", "silent", "saturated")
    looks = [
        {
            "step": step,
            "loss": value,
            "skill": value,
            "gradient_norm": value,
            "layers": {"a": dict.fromkeys(signs, value), "b": dict.fromkeys(signs, 0.5)},
        }
        for step in (0, 1, 2)
    ]
    page = watched(tmp_path, layers=looks)
    assert "Gradient flow" in page.text


def test_no_two_drawings_share_an_id_and_every_reference_is_met(page: Page) -> None:
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(page.named("svg")) == len(PLOTS) + 3
    assert len(identities) == len(set(identities))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', page.source)) <= set(identities)


# The treatment


def test_a_treatment_is_told_in_order(page: Page) -> None:
    story = [
        "Untreated, after 2 epochs: skill 0.01 (seeds differ by 0.004).",
        "Initialise by the activation. rolled back for vanishing-gradient · Skill 0.031, not",
        "Give the hidden layers more units. rolled back for vanishing-gradient · It cannot be",
        "Use ReLU. kept for vanishing-gradient · Skill 0.713, more than 0.08.",
        "Then trained to the end: skill 0.861.",
        "2,600 steps in all, 1.3 times a plain training.",
        "layers.dense_0.activation: 'sigmoid' → 'relu'",
        "model = keras.Sequential([ keras.layers.Dense(10, activation='relu'), ])",
    ]
    assert [page.text.index(told) for told in story] == sorted(
        page.text.index(told) for told in story
    )


def test_a_treated_run_tells_of_the_training_before_and_of_the_one_after(tmp_path: Path) -> None:
    run = write_watched_run(tmp_path)
    earlier = finding("dying-relu", before_treatment=True)
    run.findings.start([earlier, finding("class-imbalance", severity="note")])
    run.untreated.path.mkdir()
    run.untreated.facts.write(full_facts(3))
    run.untreated.layers.start(full_looks(3)[:4])
    run.untreated.log.start([{"epoch": 1, "loss": 2.0}])
    page = Page(build_report(run))
    story = [
        "Diagnosis One fault found. The doctor looked at the net 4 times.",
        " dying-relu ",
        "Gradient flow",
        "Treatment Untreated, after 2 epochs",
        "After the treatment No fault found. The doctor looked at the net 55 times.",
        " class-imbalance ",
    ]
    places = [page.text.index(told) for told in story]
    assert places == sorted(places)
    assert page.text.count("Gradient flow") == 2
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identities) == len(set(identities))


def test_a_treatment_that_helped_nothing_says_so(tmp_path: Path) -> None:
    nothing = {"trials": [], "changes": [], "skill": 0.5, "given_skill": 0.5, "code": "x = 1"}
    page = watched(tmp_path, treatment=nothing)
    assert "Nothing was tried." in page.text
    assert "Nothing was better than the model as it was given (0.5)" in page.text
    assert "Nothing is different." in page.text and "x = 1" not in page.text


def test_a_treatment_on_advice_says_so(tmp_path: Path) -> None:
    advice = finding("bad-initialisation", severity="advice")
    for severity in ("advice", "fault"):
        found = {"healthy": severity == "advice", "findings": [advice, {"severity": severity}]}
        page = watched(tmp_path / severity, treatment=full_treatment() | {"diagnosis": found})
        assert ("what is advised was tried" in page.text) == (severity == "advice")


def test_of_a_model_that_had_no_weights_a_treatment_is_told_too(tmp_path: Path) -> None:
    page = watched(tmp_path, treatment=full_treatment() | {"given_skill": math.nan})
    assert "Then trained to the end: skill 0.861." in page.text


# The languages


def test_in_indonesian_the_whole_page_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Page
) -> None:
    monkeypatch.setenv("LATIH_LANG", "id")
    other = Page(build_report(write_watched_run(tmp_path)))
    assert other.named("html") == [{"lang": "id"}] and page.named("html") == [{"lang": "en"}]
    for told in (
        "Gradien menghilang gangguan · 85 %",
        "gradien pertama per terakhir",
        "Pakai ReLU. Pasang BatchNormalization.",
        "Jika tetap belajar.",
        "Aliran gradien",
        "Perawatan",
        "dibatalkan",
        "Epoch terbaik",
        "Kesalahan yang paling yakin",
    ):
        assert told in other.text
    english = {
        words.en
        for words in PHRASES.values()
        if words.en != words.id and " " in words.en and "{" not in words.en
    }
    told = {" ".join(word.split()) for word in other.words}
    assert not told & english


def test_every_phrase_has_the_same_places_in_both_languages() -> None:
    for name, words in PHRASES.items():
        places = [sorted(re.findall(r"\{\w+\}", text)) for text in (words.en, words.id)]
        assert places[0] == places[1], name


# A run that was truly watched


def sick_run(directory: Path) -> RunDirectory:
    """Ten layers of sigmoids with weights that leave them no gradient."""
    keras.utils.set_random_seed(3)
    dice = np.random.default_rng(0)
    x = dice.normal(size=(240, 6)).astype("float32")
    y = (x @ dice.normal(size=(6, 3))).argmax(axis=1)
    hidden = [
        keras.layers.Dense(
            8,
            "sigmoid",
            name=f"deep_{place}",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        )
        for place in range(10)
    ]
    model = keras.Sequential(
        [keras.layers.Input([6]), *hidden, keras.layers.Dense(3, "softmax", name="output")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    doctor = Doctor(share=1.0)
    model.fit(x, y, epochs=40, verbose=0, run_dir=directory, callbacks=[doctor])
    assert doctor.diagnosis.faults
    return RunDirectory.open(directory)


def test_the_page_of_a_sick_run_says_what_its_doctor_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sick_run(tmp_path / "run")
    page = Page(run.report_file)
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", page.source)
    assert titles[: len(PLOTS)] == list(PLOTS)
    assert [text for text in texts(drawing(page, "Gradient flow")) if text[0] in "do"] == [
        *(f"deep_{place}" for place in range(10)),
        "output",
    ]
    found = run.findings.read()
    assert found and len(cards(page)) == len(found)
    rules = {rule.code: rule for rule in RULES}
    for language in ("en", "id"):
        monkeypatch.setenv("LATIH_LANG", language)
        page = Page(build_report(run))
        for one in found:
            rule = rules[one["code"]]
            for words in (rule.name, rule.cause, rule.doubt):
                assert str(words) in page.text
            for name in rule.remedies:
                assert str(REMEDIES[name].words) in page.text
