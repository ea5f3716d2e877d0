"""The page of a run: what it shows, that it is whole, and that it is the same every time."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from report_reading import Page, rows_of
from report_runs import CLASSES, full_evaluation, full_log, full_settings, write_full_run, write_run

from latih.errors import FileFormatError
from latih.report import build_report
from latih.report.words import write_number
from latih.run_directory import RunDirectory


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(build_report(write_full_run(tmp_path_factory.mktemp("full"))))


def test_the_headline_says_what_the_files_say(page: Page) -> None:
    for told in (
        "fashion, two hidden layers",
        "88.17 %",
        "266,610",
        "1 min 12 s",
        "Stopped after 20 of 30 epochs: early stopping: val_loss did not improve for 5 epochs",
    ):
        assert told in page.text
    best = min(full_log(), key=lambda line: line["val_loss"])
    assert f"Best epoch {best['epoch']} val_loss {write_number(best['val_loss'])}" in page.text


def test_every_epoch_is_in_the_table_with_its_numbers(page: Page) -> None:
    header, *rows = rows_of(page, "history")
    assert header == list(full_log()[0])
    for row, line in zip(rows, full_log(), strict=True):
        for written, value in zip(row, line.values(), strict=True):
            assert float(written.replace(",", "")) == pytest.approx(value, rel=5e-5)


def test_the_confusion_matrix_has_the_counts_and_their_shares(page: Page) -> None:
    _, *rows = rows_of(page, "confusion")
    for name, row, counts in zip(CLASSES, rows, full_evaluation()["confusion"], strict=True):
        assert row[0] == name
        assert [int(cell.split()[0]) for cell in row[1:]] == counts
        shares = [float(cell.split()[1]) if " " in cell else 0.0 for cell in row[1:]]
        assert shares == [round(count / 10, 1) for count in counts]


def test_the_models_table_has_the_layers(page: Page) -> None:
    assert rows_of(page, "layers")[1:] == [
        ["flatten", "Flatten", "(None, 784)", "0", "yes"],
        ["dense", "Dense", "(None, 300)", "235,500", "yes"],
        ["dense_1", "Dense", "(None, 100)", "30,100", "no"],
        ["dense_2", "Dense", "(None, 10)", "1,010", "yes"],
    ]


def test_what_was_asked_and_the_versions_are_all_there(page: Page) -> None:
    for told in (
        "learning_rate 0.001",
        "loss sparse_categorical_crossentropy",
        "schedule.warmup.epochs 2",
        "shuffle true",
        "torch 2.13.0",
        "command latih train fashion-mnist --epochs 30",
    ):
        assert told in page.text


def test_the_mistakes_are_the_pictures_that_were_written(page: Page) -> None:
    pictures = [attributes["src"] for attributes in page.named("img")]
    mistakes = full_evaluation()["mistakes"]
    assert len(pictures) == len(mistakes) == 12
    for address, mistake in zip(pictures, mistakes, strict=True):
        assert address is not None
        png = base64.b64decode(address.removeprefix("data:image/png;base64,"), validate=True)
        assert b"tEXt" not in png
        pixels = np.rint(matplotlib.image.imread(io.BytesIO(png)) * 255)
        assert np.array_equal(pixels[..., 0], mistake["image"])
    assert "said Shirt is T-shirt/top 99.93 % sure sample 17" in page.text


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    assert "http:" not in page.source and "https:" not in page.source
    assert "@import" not in page.source
    assert len(page.named("style")) == 1 and not page.named("metadata")
    assert not page.named("script") and not page.named("link") and not page.named("iframe")
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:image/png", "#"))
    assert len(page.source) < 1_000_000


def test_no_two_drawings_share_an_id_and_every_reference_is_met(page: Page) -> None:
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(page.named("svg")) == 3
    assert len(identities) == len(set(identities))
    referred = re.findall(r'(?:href="|url\()#([^")]+)', page.source)
    assert referred and set(referred) <= set(identities)


def test_the_drawings_take_their_colours_from_the_page(page: Page) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", page.source, re.DOTALL))
    assert "var(--training)" in drawings and "var(--validation)" in drawings
    assert not re.findall(r"(?:stroke|fill): #", drawings)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    first = build_report(write_full_run(tmp_path / "a")).read_bytes()
    second = build_report(write_full_run(tmp_path / "b")).read_bytes()
    assert first == second == build_report(tmp_path / "a").read_bytes()


def test_matplotlibs_settings_neither_leak_nor_matter(tmp_path: Path) -> None:
    plain = build_report(write_full_run(tmp_path)).read_bytes()
    with matplotlib.rc_context({"font.size": 30, "image.origin": "lower", "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        assert build_report(tmp_path).read_bytes() == plain
        assert dict(matplotlib.rcParams) == before


def test_importing_the_room_does_not_import_matplotlib() -> None:
    code = "import sys, latih.report; assert not {'matplotlib', 'jinja2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_without_the_extra_the_error_says_what_to_install(missing: str, tmp_path: Path) -> None:
    write_run(tmp_path, {}, [{"epoch": 1, "loss": 1.0}])
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from latih.report import build_report; from latih.errors import MissingExtraError\n"
        f"try: build_report({str(tmp_path)!r})\n"
        "except MissingExtraError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 'pip install "latih[report]"' in told.stdout and missing in told.stdout


def test_a_run_of_one_line_gets_a_page(tmp_path: Path) -> None:
    page = Page(build_report(write_run(tmp_path, {}, [{"epoch": 1, "loss": 0.5}])))
    assert "No end is recorded" in page.text
    assert "Best epoch 1 loss 0.5" in page.text.replace("\u00a0", " ")
    assert "On the test set" not in page.text and "Model" not in page.text


def test_a_run_of_nothing_gets_a_page(tmp_path: Path) -> None:
    page = Page(build_report(write_run(tmp_path)))
    assert "Training run" in page.text and not page.named("svg")


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"run\.toml"):
        build_report(tmp_path)
    with pytest.raises(FileFormatError, match="no such directory"):
        build_report(RunDirectory(tmp_path / "nowhere"))


def test_a_regression_shows_its_scores_and_no_matrix(tmp_path: Path) -> None:
    log = [{"epoch": 1, "loss": 4.0, "mae": 1.5, "val_loss": 5.0, "val_mae": 1.75}]
    run = write_run(tmp_path, {}, log, {"scores": {"loss": 4.5, "mae": 1.625}})
    page = Page(build_report(run))
    assert "Test mae 1.625" in page.text
    assert "Confusion" not in page.text and "mistakes" not in page.text


def test_what_was_not_a_number_is_a_gap_and_is_said(tmp_path: Path) -> None:
    losses: list[float | None] = [3.0, None, 2.0, None, None, 1.0, float("nan"), float("inf")]
    log = [
        {"epoch": epoch, "loss": loss, "val_loss": None, "accuracy": 0.5}
        for epoch, loss in enumerate(losses, start=1)
    ]
    page = Page(build_report(write_run(tmp_path, {}, log, {"scores": {"loss": None}})))
    assert "The value for training is NaN or infinite in epochs 2, 4, 5, 7, 8." in page.text
    assert "infinite in epochs 1, 2, 3, 4, 5 and 3 more" in page.text
    assert "Best epoch 6" in page.text
    assert "Test loss not a number" in page.text
    line = re.search(r'<path d="([^"]*)"[^>]*stroke: var\(--training\)', page.source)
    assert line is not None and "L" not in line[1]
    # Three lone points, and the ring round the best of them.
    assert len(re.findall(r'<use href="#plot0-[^>]*var\(--training\)', page.source)) == 4
    _, *rows = rows_of(page, "history")
    assert [row[1] for row in rows] == ["3", "—", "2", "—", "—", "1", "—", "—"]


def test_a_log_of_nothing_but_nan_says_so(tmp_path: Path) -> None:
    log: list[dict[str, Any]] = [{"epoch": epoch, "loss": None} for epoch in (1, 2)]
    page = Page(build_report(write_run(tmp_path, {}, log)))
    assert "There is no number to draw." in page.text and not page.named("svg")


def test_a_validation_every_second_epoch_is_one_line_and_no_gap(tmp_path: Path) -> None:
    log = [
        {"epoch": epoch, "loss": 1 / epoch} | ({"val_loss": 2 / epoch} if epoch % 2 == 0 else {})
        for epoch in range(1, 9)
    ]
    page = Page(build_report(write_run(tmp_path, {}, log)))
    assert "NaN" not in page.text
    line = re.search(r'<path d="([^"]*)"[^>]*stroke: var\(--validation\)', page.source)
    assert line is not None and line[1].count("M") == 1 and line[1].count("L") == 3


def test_the_learning_rate_is_logarithmic_only_when_it_varies_a_lot(tmp_path: Path) -> None:
    def ticks(name: str, rates: list[float]) -> list[str]:
        log = [{"epoch": epoch, "learning_rate": rate} for epoch, rate in enumerate(rates)]
        source = build_report(write_run(tmp_path / name, {}, log)).read_text(encoding="utf-8")
        return re.findall(r"<text[^>]*>([^<]*)</text>", source)

    assert {"0.001", "0.01", "0.1"} <= set(ticks("far", [0.3, 0.03, 0.003, 0.0005]))
    assert not {"0.01", "0.1"} <= set(ticks("near", [0.3, 0.2, 0.1, 0.1]))


def test_an_epoch_written_again_after_a_resume_counts_once(tmp_path: Path) -> None:
    log = [{"epoch": 1, "loss": 3.0}, {"epoch": 2, "loss": 9.0}, {"epoch": 2, "loss": 2.0}]
    page = Page(build_report(write_run(tmp_path, full_settings(), log)))
    assert [row[:2] for row in rows_of(page, "history")[1:]] == [["1", "3"], ["2", "2"]]


def test_many_classes_become_a_picture(tmp_path: Path) -> None:
    confusion = [[50 if row == column else 0 for column in range(100)] for row in range(100)]
    confusion[7][9] = 12
    page = Page(build_report(write_run(tmp_path, {}, [], {"confusion": confusion})))
    assert "7 taken for 9" in page.text
    (picture,) = page.named("img")
    png = base64.b64decode(str(picture["src"]).partition(",")[2])
    pixels = matplotlib.image.imread(io.BytesIO(png))
    assert pixels.shape == (100, 100, 4)
    assert pixels[3, 3, 3] == 1 and pixels[3, 4, 3] == 0
    assert pixels[7, 9, 3] == pytest.approx((12 / 62) ** 0.5, abs=0.005)


def test_a_long_run_keeps_the_page_small(tmp_path: Path) -> None:
    log = [{"epoch": epoch, "loss": 1 / epoch, "val_loss": 2 / epoch} for epoch in range(1, 5001)]
    page = Page(build_report(write_run(tmp_path, {}, log)))
    assert len(page.source) < 1_000_000
    assert "Of 5,000 points of training one in 3 is drawn." in page.text


def test_a_mistake_with_a_name_is_called_by_it(tmp_path: Path) -> None:
    mistake = {"index": 5, "true": 0, "predicted": 1, "confidence": 0.9}
    called = {**mistake, "name": "cats/<b>tom</b>.png"}
    page = Page(build_report(write_run(tmp_path, {}, [], {"mistakes": [called, mistake]})))
    assert "cats/<b>tom</b>.png" in page.text and "sample 5" in page.text


def test_a_large_picture_is_shrunk_to_the_averages_of_its_blocks(tmp_path: Path) -> None:
    image = [[(row * 7 + column * 3) % 256 for column in range(250)] for row in range(200)]
    mistake = {"index": 0, "true": 0, "predicted": 1, "confidence": 0.9, "image": image}
    page = Page(build_report(write_run(tmp_path, {}, [], {"mistakes": [mistake]})))
    png = base64.b64decode(str(page.named("img")[0]["src"]).partition(",")[2])
    pixels = np.rint(matplotlib.image.imread(io.BytesIO(png))[..., 0] * 255)
    expected = np.array(image).reshape(100, 2, 125, 2).mean(axis=(1, 3))
    assert pixels.shape == (100, 125)
    assert np.abs(pixels - expected).max() <= 0.5
