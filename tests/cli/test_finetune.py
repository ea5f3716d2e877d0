"""``latih finetune`` on a folder of pictures, and ``latih predict`` with what it made."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import latih as keras
from latih import applications
from latih.recipes.finetune import fine_tune_pictures
from latih.recipes.image_folder import read_picture_classes, read_pictures
from latih.report.phrases import phrase
from latih.report.words import write_duration
from latih.run_directory import RunDirectory
from latih.transfer import fine_tune
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.cycle import CycleOfFewSteps

COLOURS = {"bricks": (180, 60, 40), "grass": (50, 160, 60)}
QUICK = ("--base", "base.keras", "--size", "16", "--epochs", "2", "--run-dir", "run")

pytestmark = pytest.mark.usefixtures("without_curves")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    dice = np.random.default_rng(1)
    for name, colour in COLOURS.items():
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.clip(np.array(colour) + dice.normal(0, 30, (14, 20, 3)), 0, 255)
            place = tmp_path / "pictures" / name / f"{number}.png"
            Image.fromarray(pixels.astype("uint8")).save(place)
    keras.utils.set_random_seed(1)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = keras.layers.Conv2D(6, 3, strides=2, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x)).save(tmp_path / "base.keras")
    return tmp_path / "pictures"


def test_a_folder_becomes_a_net_a_page_and_scores(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    done = command("finetune", "pictures", *QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    assert "20 pictures of 2 classes: bricks 10, grass 10." in done.stdout
    assert "Test accuracy: 1.0000, balanced accuracy: 1.0000, on 4 pictures." in done.stdout
    assert "Confusion (rows are true, columns predicted):" in done.stdout
    assert (
        "Then the net learned anew from 16 pictures, those that chose the epoch among them, and "
        "not from those that it is tested on." in done.stdout
    )
    run = RunDirectory.open(tmp_path / "run")
    evaluation = run.evaluation.read()
    assert evaluation["confusion"] == [[2, 0], [0, 2]]
    assert evaluation["scores"] == {"accuracy": 1.0, "balanced_accuracy": 1.0}
    assert run.read_settings()["data"]["classes"] == ["bricks", "grass"]
    assert "bricks" in run.report_file.read_text(encoding="utf-8")

    done = command("predict", "run", "pictures", "-o", "out.csv")
    assert (done.returncode, done.stdout) == (0, "20 predictions in out.csv\n")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["file", "class", "probability"]
    assert [Path(row[0]).parent.name for row in rows] == [row[1] for row in rows]

    for model in ("run/best.keras", "run/final.keras"):  # what the command tells of: names, too
        assert command("predict", model, "pictures", "-o", "same.csv").returncode == 0
        assert (tmp_path / "same.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()
    (tmp_path / "run" / "other.keras").write_bytes((tmp_path / "base.keras").read_bytes())
    assert command("predict", "run/other.keras", "pictures", "-o", "o.csv").returncode == 0
    assert "bricks" not in (tmp_path / "o.csv").read_text().replace("bricks/", "")
    assert command("predict", "run", "pictures/grass/3.png", "-o", "one.csv").returncode == 0
    assert (tmp_path / "one.csv").read_text().splitlines()[1].startswith("3.png,grass,0.")
    np.savez(tmp_path / "two.npz", x=read_picture_classes(pictures, 16).pictures.x[9:11])
    assert command("predict", "run", "two.npz", "-o", "two.csv").returncode == 0
    told = (tmp_path / "two.csv").read_text().splitlines()[1:]
    assert [line.split(",")[1] for line in told] == ["bricks", "grass"]
    refused = command("predict", "run", "nowhere")
    assert refused.returncode == 1 and "there is nothing at 'nowhere'" in refused.stderr

    done = command("resume", "run")
    assert done.returncode == 1 and "latih finetune" in done.stderr
    model = keras.models.load_model(run.best_file)
    read = read_picture_classes(pictures, 16)
    found = model.predict(read.pictures.x, verbose=0).max(axis=1)
    np.testing.assert_allclose([float(row[2]) for row in rows], found, atol=1e-6)
    assert model.evaluate(read.pictures.x, read.labels, verbose=0)[1] == 1.0


def test_what_a_net_is_judged_on_it_never_learns_from_and_in_the_end_it_learns_the_rest(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = read_picture_classes(pictures, 16)
    learnt: list[Any] = []

    def spied(base: Any, x: Any, y: Any, **given: Any) -> Any:
        learnt.append((x, given["validation_data"], given.get("refit", True)))
        return fine_tune(base, x, y, **given)

    monkeypatch.setattr("latih.recipes.finetune.fine_tune", spied)
    kept: dict[str, Any] = {"seed": 3, "epochs": 1, "verbose": 0}
    run = fine_tune_pictures(tmp_path / "base.keras", classes, tmp_path / "one", **kept).run
    ((x, held, refit),) = learnt
    assert (len(x), held, refit) == (16, None, True)
    shown = sorted(example.tobytes() for example in x)
    every = sorted(example.tobytes() for example in classes.pictures.x)
    assert run.evaluation.read()["confusion"] == [[2, 0], [0, 2]]
    assert set(shown) < set(every)

    learnt.clear()
    fine_tune_pictures(tmp_path / "base.keras", classes, tmp_path / "two", folds=2, **kept)
    assert [len(x) for x, _, _ in learnt] == [10, 10, 20]
    first, second = ({example.tobytes() for example in learnt[fold][0]} for fold in (0, 1))
    assert not first & second  # so the two folds, each judged by the other's net, are disjoint


def test_every_picture_is_judged_once_by_folds(pictures: Path, command: Any) -> None:
    done = command(
        "finetune",
        "pictures",
        *QUICK,
        *("--folds", "2", "--views", "2", "--mixup", "0.2", "--label-smoothing", "0.05"),
        *("--class-weights", "--augmentation", "none", "--quiet"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fold 2 of 2: accuracy" in done.stdout and "on 20 pictures." in done.stdout
    run = RunDirectory(Path("run"))
    told = run.evaluation.read()
    assert np.sum(told["confusion"], axis=1).tolist() == [10, 10]
    # Ten each: the whole is the mean.
    assert [fold["examples"] for fold in told["folds"]] == [10, 10]
    mean = np.mean([fold["accuracy"] for fold in told["folds"]])
    assert told["scores"]["accuracy"] == pytest.approx(mean)
    page = run.report_file.read_text(encoding="utf-8")
    assert phrase("folds_note") in page and phrase("test_set") not in page
    assert phrase("fold", number="2") in page and phrase("choice") in page
    assert "pictures.bricks" in page  # how many there are of each class


def test_folds_without_a_picture_of_a_class_are_told_of(pictures: Path, command: Any) -> None:
    for number in range(3, 10):
        (pictures / "grass" / f"{number}.png").unlink()
    done = command("finetune", "pictures", *QUICK, "--folds", "4", "--epochs", "0", "--quiet")
    assert done.returncode == 0
    assert "Some folds hold no picture of 'grass' (3), and are judged without." in done.stdout
    assert sum(map(sum, RunDirectory(Path("run")).evaluation.read()["confusion"])) == 13


def test_the_page_tells_what_was_chosen_between_and_of_files_that_were_skipped(
    pictures: Path, command: Any
) -> None:
    (pictures / "grass" / "broken.png").write_bytes(b"no picture")
    assert command("finetune", "pictures", *QUICK, "--quiet").returncode == 0
    run = RunDirectory(Path("run"))
    told, settings = run.evaluation.read(), run.read_settings()
    assert told["choice"]["probe"]["accuracy"] == settings["run"]["probe_accuracy"]
    assert settings["data"]["skipped"] == 1
    assert settings["data"]["pictures"] == {"bricks": 10, "grass": 10}
    page = run.report_file.read_text(encoding="utf-8")
    assert phrase("choice") in page and phrase("test_set") in page
    assert phrase("each_fold") not in page

    both = settings["run"]["seconds"] + settings["run"]["seconds_of_second_cycle"]
    of_second = run.second_cycle.read_settings()["run"]["seconds"]
    assert settings["run"]["seconds_of_second_cycle"] == of_second
    assert write_duration(both) in page

    # Without an epoch nothing is chosen between.
    assert command("finetune", "pictures", *QUICK[:-2], "--epochs", "0").returncode == 0
    (probe,) = Path("runs").iterdir()
    assert "choice" not in RunDirectory(probe).evaluation.read()


def test_folds_that_broke_off_are_gone_on_with_and_the_way_is_told(
    pictures: Path, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("finetune", "pictures", *QUICK, "--folds", "3", "--snapshot-every", "epoch", "--quiet")
    whole = command(*asked, "--run-dir", "whole")
    assert whole.returncode == 0
    begun: list[int] = []

    class Broken(CycleOfFewSteps):
        """Is broken off in the second epoch of the second fold."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            """Raise, once."""
            begun.append(epoch)
            if len(begun) == 4:
                raise KeyboardInterrupt
            super().on_epoch_begin(epoch, logs)

    monkeypatch.setattr("latih.transfer.whole_net.CycleOfFewSteps", Broken)
    broken = command(*asked)
    assert broken.returncode == 130 and begun == [0, 1, 0, 1]
    told = broken.stdout.replace("\n", " ")
    assert "What was learnt so far is in run; `latih finetune pictures" in told
    other = command("finetune", "pictures", *QUICK, "--quiet")
    assert other.returncode == 1 and "folds: 3 -> none" in " ".join(other.stderr.split())
    done = command(*asked)
    assert done.returncode == 0
    assert begun[4:] == [1, 0, 1] + [0, 1] * 2  # no epoch twice but the one that broke off
    assert done.stdout == whole.stdout.replace("whole/", "run/")
    made, wanted = (RunDirectory(tmp_path / name).best_file for name in ("run", "whole"))
    ours, theirs = (keras.models.load_model(file).get_weights() for file in (made, wanted))
    assert all(map(np.array_equal, ours, theirs))


def test_the_frozen_probe_alone_is_kept_and_writes_over_no_run(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    done = command("finetune", "pictures", *QUICK, "--epochs", "0", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Frozen probe, on pictures held back from it: 1.0000" in done.stdout
    assert "No epoch" not in done.stdout
    run = RunDirectory.open(tmp_path / "run")
    assert run.report_file.is_file()
    done = command("predict", "run", "pictures", "-o", "out.csv")
    assert done.stdout == "20 predictions in out.csv\n"
    assert "bricks" in (tmp_path / "out.csv").read_text(encoding="utf-8")
    before = run.best_file.read_bytes()
    done = command("finetune", "pictures", *QUICK, "--epochs", "0", "--seed", "3")
    assert done.returncode == 1 and "holds a run already" in done.stderr
    assert run.best_file.read_bytes() == before


def test_what_is_no_picture_is_skipped_and_other_colours_are_made_to_fit(
    pictures: Path, command: Any
) -> None:
    (pictures / "grass" / "torn.png").write_bytes(b"\x89PNG torn")
    (pictures / "grass" / "notes.txt").write_text("not looked at", encoding="utf-8")
    Image.new("L", (9, 9), 100).save(pictures / "grass" / "grey.png")
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    clear.save(pictures / "bricks" / "clear.png")
    done = command("finetune", "pictures", *QUICK, "--epochs", "1")
    assert done.returncode == 0
    assert "Skipped 1 file that holds no image" in done.stdout and "torn.png" in done.stdout
    assert done.stdout.count("1 grey picture was given three equal channels") == 1
    assert done.stdout.count("1 picture with transparency was laid on white") == 1
    read = read_picture_classes(pictures, 16)
    where = [Path(path).name for path in read.pictures.paths]
    assert (read.pictures.x[where.index("clear.png")] == 255).all()
    done = command("finetune", "pictures", *QUICK, "--strict")
    assert done.returncode == 1 and "torn.png" in done.stderr and "--strict" in done.stderr


def test_what_the_doctor_finds_is_printed_and_stands_on_the_page(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    for place in list((pictures / "grass").iterdir()):
        (pictures / "grass" / f"again-{place.name}").write_bytes(place.read_bytes())
    done = command("finetune", "pictures", *QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 pictures are copies of others, such as " in done.stdout
    assert "grass/again-0.png" in done.stdout.replace("\n", "")
    assert "train-validation-mismatch" in done.stdout
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "train-validation-mismatch" in page
    (record,) = RunDirectory(tmp_path / "run").findings.read()
    assert record["code"] == "train-validation-mismatch" and record["words"]["remedies"]

    keras.utils.set_random_seed(1)
    net = keras.Sequential(
        [
            *(keras.Input((16, 16, 3)), keras.layers.Conv2D(6, 3, strides=2, use_bias=False)),
            *(keras.layers.BatchNormalization(momentum=0.5), keras.layers.ReLU()),
            *(keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")),
        ]
    )
    net.compile("adam", "sparse_categorical_crossentropy")
    scaled = np.random.default_rng(0).random((32, 16, 16, 3)) * 2 - 1
    net.fit(scaled, np.arange(32) % 2, epochs=2, verbose=0)
    net.save(tmp_path / "unscaled.keras")
    quick = ("--base", "unscaled.keras", "--size", "16", "--epochs", "1", "--run-dir", "other")
    done = command("finetune", "pictures", *quick, "--folds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "unnormalised-inputs" in done.stdout and "train-validation-mismatch" in done.stdout
    done = command("doctor", "other")
    assert "unnormalised-inputs" in done.stdout and "train-validation-mismatch" in done.stdout
    findings = tmp_path / "other" / "findings.jsonl"
    findings.write_text(findings.read_text().replace("scale-inputs", "scale-outputs"))
    done = command("doctor", "other")
    assert done.returncode == 1 and "findings.jsonl" in done.stderr
    findings.write_text('{"code": 3}\n')
    done = command("doctor", "other")
    assert done.returncode == 1 and "findings.jsonl" in done.stderr


def test_one_class_lonely_pictures_and_unknown_bases_are_refused(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    done = command("finetune", "pictures", "--base", "resnet19", "--size", "32")
    assert done.returncode == 1 and "resnet18" in done.stderr
    (tmp_path / "few" / "one").mkdir(parents=True)
    (tmp_path / "few" / "two").mkdir()
    place = pictures / "grass" / "0.png"
    for name in ("one/1.png", "one/2.png"):
        (tmp_path / "few" / name).write_bytes(place.read_bytes())
    done = command("finetune", "few", *QUICK)
    assert done.returncode == 1 and "the folder 'one' alone" in done.stderr
    (tmp_path / "few" / "two" / "1.png").write_bytes(place.read_bytes())
    done = command("finetune", "few", *QUICK)
    assert done.returncode == 1 and "fewer than two pictures" in done.stderr
    assert "'two' (1)" in done.stderr
    (tmp_path / "few" / "two" / "2.png").write_bytes(place.read_bytes())
    done = command("finetune", "few", *QUICK, "--folds", "2")
    assert done.returncode == 1 and "too few pictures for these folds" in done.stderr
    assert "Fold 1" not in done.stdout and "'two' (2)" in done.stderr
    (tmp_path / "few" / "two" / "2.png").write_bytes(b"torn")
    done = command("finetune", "few", *QUICK)
    assert done.returncode == 1 and "'two' (1 of 2 files)" in done.stderr
    for number in (1, 2):
        file = tmp_path / "few" / "two" / f"{number}.png"
        file.rename(file.with_suffix(".webp"))
    done = command("finetune", "few", *QUICK)
    assert done.returncode == 1 and "the folder 'one' alone, and 'few/two/1.webp'" in done.stderr
    done = command("finetune", "nowhere", *QUICK)
    assert done.returncode == 1 and "no directory" in done.stderr


def test_what_is_not_read_is_told_and_never_lost_in_silence(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    (pictures / "later").mkdir()
    (pictures / "grass" / "0.png").rename(pictures / "grass" / "0.TIFF")
    done = command("finetune", "pictures", *QUICK, "--epochs", "0")
    assert done.returncode == 0
    assert "Skipped 1 file of a kind that is not read: pictures/grass/0.TIFF." in done.stdout
    assert "Folders without pictures are left out: later." in done.stdout
    done = command("finetune", "pictures", *QUICK, "--strict")
    assert done.returncode == 1 and "0.TIFF' is of a kind that is not read" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--size", "0"), "`size` of a picture"),
        (("--base", "weights.pth"), "holds weights alone"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_trained(
    options: tuple[str, str], told: str, pictures: Path, command: Any, tmp_path: Path
) -> None:
    (tmp_path / "weights.pth").write_bytes(b"")
    done = command("finetune", "pictures", *QUICK, *options)
    assert done.returncode == 1 and told in done.stderr and "Epoch" not in done.stdout
    assert not (tmp_path / "run" / "run.toml").exists()


def test_where_no_epoch_is_as_good_as_the_probe_that_is_said(
    pictures: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*given: Any, **options: Any) -> Any:
        return replace(fine_tune(*given, **options), best_epoch=0)

    done = command("finetune", "pictures", *QUICK, "--quiet")
    assert "fine-tuned 1.0000" in done.stdout and "No epoch" not in done.stdout
    monkeypatch.setattr("latih.recipes.finetune.fine_tune", lost)
    done = command("finetune", "pictures", *QUICK, "--quiet")
    assert "what was kept 1.0000" in done.stdout
    assert "No epoch was as good as the frozen probe there." in done.stdout


@pytest.mark.usefixtures("wrecked_second_cycles")
def test_a_second_cycle_that_is_taken_back_is_told_of(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    done = command("finetune", "pictures", *QUICK, "--quiet")
    assert "the net was wrecked; that was taken back. A lower --lr may help." in done.stdout
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert phrase("second_cycle_taken_back") in page


def test_the_page_says_which_files_were_named_wrong(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    (pictures / "bricks" / "deep").mkdir()
    for number in range(6):  # as much like grass as the grass
        Image.open(pictures / "grass" / f"{number}.png").rotate(180).save(
            pictures / "bricks" / "deep" / f"odd {number}.png"
        )
    assert command("finetune", "pictures", *QUICK, "--quiet", "--folds", "2").returncode == 0
    run = RunDirectory.open(tmp_path / "run")
    names = [mistake["name"] for mistake in run.evaluation.read()["mistakes"]]
    assert names and all((pictures / name).is_file() for name in names)
    assert any(name.startswith("bricks/deep/odd ") for name in names)
    page = run.report_file.read_text("utf-8")
    assert all(name in page for name in names)


@pytest.mark.parametrize("kind", [str, Path, keras.models.load_model, "resnet18"])
def test_a_run_tells_what_its_base_is_called_and_no_path(
    kind: Any, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = kind if kind == "resnet18" else kind(tmp_path / "base.keras")
    known = applications.find("resnet18")
    fresh = replace(known, build=lambda **given: known.build(**{**given, "weights": None}))
    monkeypatch.setattr(applications, "find", lambda name: fresh)
    read = read_picture_classes(pictures, 16)
    given: Any = {"seed": 3, "epochs": 0, "verbose": 0}
    done = fine_tune_pictures(base, read, tmp_path / "run", **given)
    called = base if kind == "resnet18" else getattr(base, "name", "base.keras")
    assert done.run.read_settings()["recipe"]["base"] == called


@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_the_page_tells_what_was_kept_and_marks_no_other_epoch(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_picture_classes(pictures, 16)
    given: Any = {"seed": 3, "epochs": 3, "verbose": 0}
    with monkeypatch.context() as patched:
        patched.setattr(BestEpoch, "keeps_promise", lambda self, logs, errors=0.0: False)
        probe = fine_tune_pictures(tmp_path / "base.keras", read, tmp_path / "probe", **given)
    (kept,) = probe.judged.best_epochs
    assert kept == 0
    page = probe.run.report_file.read_text(encoding="utf-8")
    wanted = "the frozen probe was better and is kept: val_accuracy\u00a0"
    assert f"{wanted}{probe.judged.probe.accuracy:g}" in page and "at the best epoch" not in page
    tuned = fine_tune_pictures(tmp_path / "base.keras", read, tmp_path / "tuned", **given)
    (kept,) = tuned.judged.best_epochs
    assert kept > 0 and tuned.run.read_settings()["run"]["best_epoch"] == kept
    assert wanted not in tuned.run.report_file.read_text(encoding="utf-8")


def test_too_few_pictures_are_refused_in_the_words_of_the_command(
    pictures: Path, command: Any, tmp_path: Path
) -> None:
    for picture in pictures.glob("*/*"):
        if picture.stem not in "01":
            picture.unlink()
    refused = command("finetune", "pictures", *QUICK)
    assert refused.returncode == 1 and "too few pictures to hold any back" in refused.stderr
    assert command("finetune", "pictures", *QUICK, "--folds", "9").returncode == 1
    assert not (tmp_path / "run").exists()


def test_a_run_without_folds_is_refused_with_folds_before_any_is_trained(
    pictures: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("finetune", "pictures", *QUICK, "--quiet").returncode == 0
    monkeypatch.setattr("latih.recipes.finetune.fine_tune", None)
    refused = command("finetune", "pictures", *QUICK, "--folds", "2", "--quiet")
    assert refused.returncode == 1 and "folds: none -> 2" in " ".join(refused.stderr.split())


@pytest.mark.filterwarnings("ignore:the run goes on although")
def test_force_goes_on_although_something_was_changed(pictures: Path, command: Any) -> None:
    assert command("finetune", "pictures", *QUICK, "--quiet").returncode == 0
    changed = ("finetune", "pictures", *QUICK, "--lr", "0.01", "--quiet")
    refused = command(*changed)
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert command(*changed, "--force").returncode == 0


def test_a_model_of_no_pictures_predicts_none(pictures: Path, command: Any, tmp_path: Path) -> None:
    keras.Sequential([keras.Input([4]), keras.layers.Dense(2)]).save(tmp_path / "rows.keras")
    done = command("predict", "rows.keras", "pictures")
    assert done.returncode == 1 and "takes no pictures" in done.stderr
    (tmp_path / "empty").mkdir()
    done = command("predict", "base.keras", "empty")
    assert done.returncode == 1 and "no pictures" in done.stderr
    done = command("predict", "base.keras", "pictures")
    assert done.returncode == 0


def test_the_doctor_reads_pictures_in_the_size_that_the_net_takes(
    pictures: Path, command: Any
) -> None:
    command("finetune", "pictures", *QUICK, "--epochs", "1", "--quiet")
    told = ("doctor", "run/best.keras", "pictures", "--steps", "20", "--batch-size", "4")
    assert command(*told, "--size", "16").returncode == 0
    other = command(*told)
    assert other.returncode == 1 and "(n, 16, 16, 3)" in other.stderr


def test_photographs_are_read_upright(tmp_path: Path) -> None:
    pixels = np.zeros((16, 24, 3), "uint8")
    pixels[:8] = 255  # the upper half is white
    for orientation, side in ((1, np.s_[:8]), (6, np.s_[:, 8:]), (3, np.s_[8:])):
        image = Image.fromarray(pixels)
        exif = image.getexif()
        exif[0x0112] = orientation  # EXIF 2.3, section 4.6.4: 6 is to be turned to the right
        image.save(tmp_path / "photograph.jpg", exif=exif, quality=95)
        size = (16, 24) if orientation != 6 else (24, 16)
        (found,) = read_pictures([str(tmp_path / "photograph.jpg")], size).x
        assert found[side].mean() > 240 and found.mean() < 140


@pytest.mark.parametrize(
    "damage", [b"", b"MM", b"MM\0*\0\0\0\x08\0\x01\x01\x12", b"NN\0*\0\0\0\x08"]
)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.filterwarnings("ignore:.*EXIF")
def test_a_photograph_whose_entry_is_damaged_stays_as_it_lies(
    damage: bytes, suffix: str, tmp_path: Path
) -> None:
    place = tmp_path / f"photograph.{suffix}"
    Image.fromarray(np.full((8, 12, 3), 99, "uint8")).save(place, exif=b"Exif\0\0" + damage)
    read = read_pictures([str(place)], (8, 12))
    assert read.skipped == () and np.abs(read.x[0].astype(int) - 99).max() <= 2


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("--folds", "1"), "`folds`"),
        (("--lr", "-1"), "`learning_rate`"),
        (("--epochs", "-1"), "`epochs`"),
        (("--views", "0"), "`views`"),
        (("--snapshot-every", "often"), "`snapshot_every`"),
        (("--base", "resnet19"), "resnet18"),
    ],
)
def test_what_cannot_be_is_refused_before_any_picture_is_read(
    command: Any, tmp_path: Path, asked: tuple[str, ...], named: str
) -> None:
    # There are none: whoever looked for them would say that.
    done = command("finetune", "pictures", "--base", "efficientnet-lite0", *asked)
    assert done.returncode == 1 and named in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


def test_who_breaks_off_before_the_first_step_is_told_that_nothing_is_there(
    pictures: Path, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(*given: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("latih.recipes.finetune.fine_tune", broken_off)
    done = command("finetune", "pictures", *QUICK, "--quiet")
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout == "Interrupted. It had not begun to learn, and nothing was written.\n"
    assert not (tmp_path / "run").exists()


def test_another_rate_is_refused_by_its_name(pictures: Path, command: Any) -> None:
    assert command("finetune", "pictures", *QUICK, "--quiet").returncode == 0
    done = command("finetune", "pictures", *QUICK, "--quiet", "--lr", "0.01")
    told = " ".join(done.stderr.split())
    assert done.returncode == 1 and "max_learning_rate" in told and "0.01" in told
