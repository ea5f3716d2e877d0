"""``latih pretrain``: every method leaves an encoder that takes raw examples."""

import itertools
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import latih as keras
from latih.callbacks import RunLog
from latih.datasets.idx import write_idx
from latih.errors import InputError
from latih.run_directory import RunDirectory
from latih.transfer.networks import find_base

X = np.random.default_rng(0).integers(0, 256, (60, 12, 12)).astype("uint8")
FAST = ("--epochs", "1", "--hidden", "9,4", "--run-dir", "run")
METHODS = ["denoising", "autoencoder", "dbn", "masked", "contrastive"]


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.savez(tmp_path / "data.npz", x=X)
    return "data.npz"


@pytest.mark.parametrize("method", METHODS)
def test_an_encoder_is_left_that_takes_raw_examples(
    method: str, command: Any, data: str, tmp_path: Path, without_curves: None
) -> None:
    done = command("pretrain", data, "--method", method, *FAST)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    first, following = lines[0], lines[-1]
    (encoder,) = [line for line in lines if line.startswith("Encoder:")]
    assert first == "data.npz: 60 examples of 12 x 12, without labels."
    assert encoder.split() == ["Encoder:", "run/encoder.keras"]
    assert following == "Next:    transfer.fine_tune('run', x, y) in Python"
    model = keras.models.load_model(tmp_path / "run" / "encoder.keras")
    assert model.input_shape == (None, 12, 12, 1)
    features = model.predict(X[..., None], verbose=0)
    assert np.isfinite(features).all() and features.std() > 0
    settings = tomllib.loads((tmp_path / "run" / "run.toml").read_text(encoding="utf-8"))
    assert settings["recipe"]["method"] == method
    run = RunDirectory.open(tmp_path / "run")
    for trained in [run.machine(1)] if method == "dbn" else [run]:
        assert trained.log.read()[0]["loss"] > 0


@pytest.mark.parametrize("folders", [("",), ("only",), ("", "a", "b")])
def test_pictures_need_no_folders(
    folders: tuple[str, ...], command: Any, tmp_path: Path, without_curves: None
) -> None:
    for place, folder in enumerate(folders):
        (tmp_path / "pictures" / folder).mkdir(parents=True, exist_ok=True)
        for number in range(12):
            file = tmp_path / "pictures" / folder / f"{place}-{number}.png"
            Image.fromarray(X[number]).save(file)
    done = command("pretrain", "pictures", *FAST)
    assert (done.returncode, done.stderr) == (0, "")
    told = f"pictures: {12 * len(folders)} examples of 12 x 12, without labels."
    assert done.stdout.splitlines()[0] == told
    assert done.stdout.splitlines()[-1] == "Next:    latih finetune IMAGES --base run"


def test_a_picture_beside_arrays_is_not_what_is_learned_from(
    command: Any, tmp_path: Path, without_curves: None
) -> None:
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "x.npy", X)
    np.save(tmp_path / "arrays" / "y.npy", np.arange(len(X)) % 2)
    Image.fromarray(X[0]).save(tmp_path / "arrays" / "plot.png")
    done = command("pretrain", "arrays", *FAST)
    assert done.stdout.splitlines()[0] == "arrays: 60 examples of 12 x 12, without labels."


def test_pictures_are_read_in_the_size_that_is_asked_for(
    command: Any, tmp_path: Path, without_curves: None
) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(8):
        pixels = np.full((96, 80, 3), 20 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    for asked, shape in ((), (64, 64, 3)), (("--size", "90"), (90, 80, 3)):
        done = command("pretrain", "pictures", *FAST, "--run-dir", f"run{len(asked)}", *asked)
        assert done.returncode == 0
        encoder = keras.models.load_model(tmp_path / f"run{len(asked)}" / "encoder.keras")
        assert encoder.input_shape == (None, *shape)
    more = command("resume", "run2", "pictures", "--epochs", "2")
    assert more.returncode == 0 and "of 90 x 80 x 3" in more.stdout


def test_a_belief_net_tells_pictures_on_white_ground_apart(
    command: Any, tmp_path: Path, without_curves: None
) -> None:
    dice = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    pixels = np.full((30, 48, 48, 3), 255, np.uint8)
    for number, picture in enumerate(pixels):
        row, column = dice.integers(0, 24, 2)
        picture[row : row + 24, column : column + 24] = dice.integers(0, 200, 3)
        Image.fromarray(picture).save(tmp_path / "pictures" / f"{number}.png")
    asked = ("--method", "dbn", "--epochs", "20", "--hidden", "100,50", "--run-dir", "run")
    assert command("pretrain", "pictures", *asked, "--quiet").returncode == 0
    features = keras.models.load_model(tmp_path / "run" / "encoder.keras").predict(pixels)
    # With every unit on, to explain the ground, no picture differed from another.
    assert features.std(axis=0).mean() > 0.05


def test_files_that_hold_no_picture_are_skipped_and_told_of_or_refused(
    command: Any, tmp_path: Path, without_curves: None
) -> None:
    place = tmp_path / "pictures"
    place.mkdir()
    (place / "a.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((99, 99), "uint8")).save(place / "b.png")
    whole = (place / "b.png").read_bytes()
    (place / "b.png").write_bytes(whole[: len(whole) // 2])  # its size can be read, and no more
    (place / "c.tiff").write_bytes(b"")
    for number in range(11):
        wide = np.tile(X[number], (1, 9))
        Image.fromarray(wide if number else np.dstack([wide] * 3)).save(place / f"b{number}.png")
    done = command("pretrain", "pictures", *FAST)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:5] == [
        "pictures: 11 examples of 12 x 64 x 3, without labels.",
        "Skipped 2 files that hold no image: pictures/a.png, pictures/b.png.",
        "10 grey pictures were given three equal channels.",
        "Skipped 1 file of a kind that is not read: pictures/c.tiff. Write them anew as PNG or "
        "JPEG files.",
        "11 pictures were stretched to 12 x 64.",
    ]
    done = command("pretrain", "pictures", *FAST, "--strict")
    assert done.returncode == 1 and "of a kind that is not read" in done.stderr
    (place / "c.tiff").unlink()
    done = command("pretrain", "pictures", *FAST, "--strict")
    assert done.returncode == 1 and "'pictures/a.png' holds no image" in done.stderr
    (place / "only").mkdir()
    (place / "only" / "a.png").write_bytes(b"no picture")
    done = command("pretrain", "pictures/only", *FAST)
    assert done.returncode == 1 and "holds no image" in done.stderr


def test_more_epochs_go_on(command: Any, data: str, tmp_path: Path, without_curves: None) -> None:
    for epochs in ("1", "3"):
        options = ("--hidden", "9", "--run-dir", "run", "--quiet")
        done = command("pretrain", data, "--epochs", epochs, *options)
        assert (done.returncode, done.stderr) == (0, "")
    done = command("resume", "run", data, "--epochs", "5", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(RunDirectory.open(tmp_path / "run").log.read()) == 5
    whole = command("pretrain", data, "--epochs", "5", "--hidden", "9", "--run-dir", "all")
    assert whole.returncode == 0
    assert_same_encoders(tmp_path / "run", tmp_path / "all")


def assert_same_encoders(one: Path, other: Path) -> None:
    mine, its = (
        keras.models.load_model(run / "encoder.keras").get_weights() for run in (one, other)
    )
    for weight, wanted in zip(mine, its, strict=True):
        np.testing.assert_array_equal(weight, wanted)


def ends_after(epochs: int) -> Any:
    """Return a hook that ends a run, or one of the machines of a belief net, as Ctrl-C does."""
    begun = itertools.count()

    def begin_epoch(self: RunLog, epoch: int, logs: Any = None) -> None:
        del epoch, logs
        if next(begun) >= epochs:
            raise KeyboardInterrupt
        self.epoch_seconds = 0.0

    return begin_epoch


@pytest.mark.parametrize("method", METHODS)
def test_one_that_was_broken_off_goes_on_to_the_same_bits(
    method: str,
    command: Any,
    data: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_curves: None,
) -> None:
    asked = ("pretrain", data, "--method", method, "--hidden", "9,4", "--epochs", "3", "--quiet")
    asked = (*asked, "--batch-size", "16", "--run-dir")
    with monkeypatch.context() as patched:
        patched.setattr(RunLog, "on_epoch_begin", ends_after(4 if method == "dbn" else 2))
        done = command(*asked, "run")
    assert done.returncode == 130
    assert "`latih resume run data.npz` goes on." in done.stdout
    assert not (tmp_path / "run" / "encoder.keras").exists()
    with pytest.raises(InputError, match=r"did not end: .*`latih resume .*run`"):
        find_base(tmp_path / "run", X[..., None].shape, None)

    done = command("resume", "run", data, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split() == ["Encoder:", "run/encoder.keras"]
    assert command(*asked, "alone").returncode == 0
    assert_same_encoders(tmp_path / "run", tmp_path / "alone")
    assert find_base(tmp_path / "run", X[..., None].shape, None).model.built


def test_what_a_pretraining_cannot_go_on_with_is_refused(
    command: Any, data: str, tmp_path: Path, without_curves: None
) -> None:
    assert command("pretrain", data, *FAST, "--quiet").returncode == 0
    np.savez(tmp_path / "other.npz", x=255 - X)
    file = tmp_path / "run" / "run.toml"
    text = file.read_text(encoding="utf-8")
    refused: list[tuple[tuple[str, ...], str, str, str]] = [
        ((), "", "", "that file, again"),
        (("other.npz",), "", "", "their fingerprints differ"),
        ((data, "--doctor", "watch"), "", "", "no doctor"),
        ((data, "--epochs", "0"), "", "", "epochs"),
        ((data,), 'method = "denoising"', 'method = "magic"', "settings that cannot be used"),
        ((data,), 'method = "denoising"', "method = 3", "settings that cannot be used"),
        ((data,), "noise = 0.3", 'noise = "much"', "settings that cannot be used"),
        ((data,), "    9,", f"    {10**9},", "more weights than it holds"),
        ((data,), "    9,", '    "9",', "settings that cannot be used"),
        ((data,), "patch = 4", "patch = 4\n__class__ = 1", "settings that cannot be used"),
    ]
    for arguments, old, new, told in refused:
        assert old in text, text
        file.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        done = command("resume", "run", *arguments)
        assert done.returncode == 1 and told in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1


def test_a_belief_net_is_gone_on_with_and_not_mixed_with_another_run(
    command: Any, data: str, tmp_path: Path, without_curves: None
) -> None:
    again = ("pretrain", data, "--method", "dbn", *FAST, "--quiet")
    first, second = command(*again), command(*again)
    assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")
    settings = tmp_path / "run" / "run.toml"
    before = settings.read_bytes()
    other = command(*again, "--batch-size", "16")
    assert other.returncode == 1 and "another run" in other.stderr
    np.savez(tmp_path / "other.npz", x=255 - X)
    mistaken = command("resume", "run", "other.npz")
    assert mistaken.returncode == 1 and "fingerprints differ" in mistaken.stderr
    longer = command("resume", "run", data, "--epochs", "9")
    assert longer.returncode == 1 and "`--epochs` of a deep belief net" in longer.stderr
    assert settings.read_bytes() == before


def test_each_machine_of_a_belief_net_has_its_page(
    command: Any, data: str, tmp_path: Path, without_curves: None
) -> None:
    options = ("--hidden", "9,4", "--epochs", "2", "--run-dir", "run")
    done = command("pretrain", data, "--method", "dbn", *options)
    pages = [f"run/rbm-{number}/report.html" for number in (1, 2)]
    assert [line.split()[1] for line in done.stdout.splitlines() if "Page:" in line] == pages
    for page in pages:
        (tmp_path / page).unlink()
    again = command("report", "run")
    assert (again.returncode, again.stderr) == (0, "")
    assert [line.split()[1] for line in again.stdout.splitlines()] == pages
    for page in pages:
        assert "No end is recorded" not in (tmp_path / page).read_text("utf-8")


def test_mnists_own_files_are_read(command: Any, tmp_path: Path, without_curves: None) -> None:
    directory = tmp_path / "digits"
    directory.mkdir()
    write_idx(directory / "train-images-idx3-ubyte.gz", X)
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 60]) + bytes(60)
    (directory / "train-labels-idx1-ubyte").write_bytes(labels)
    done = command("pretrain", "digits", *FAST, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--method", "magic"), "'denoising', 'autoencoder', 'dbn', 'masked', 'contrastive'"),
        (("--method", "dbn", "--convolutional"), "does not convolve"),
        (("--epochs", "0"), "epochs"),
        (("--hidden", "a"), "--hidden"),
        (("--hidden", "0x100"), "each 1 or more"),
        (("--hidden", "100x0"), "each 1 or more"),
        (("--hidden", ""), "the encoder has no layers"),
        (("--hidden", "", "--method", "dbn"), "hidden units of each machine"),
        (("--noise", "2"), "noise"),
        (("--lr", "0"), "learning_rate"),
        (("--size", "0"), "size"),
        (("--method", "masked", "--patch", "12"), "`patch`"),
        (("--method", "dbn", "--optimizer", "sgd"), "`--optimizer` has no effect on --method dbn"),
        (("--method", "autoencoder", "--noise", "0.1"), "--method denoising"),
        (("--masked", "0.5"), "`--masked` has no effect on --method denoising"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    options: Any, told: str, command: Any, data: str, tmp_path: Path
) -> None:
    done = command("pretrain", data, "--run-dir", "run", *options)
    assert done.returncode == 1
    assert told in done.stderr
    assert not (tmp_path / "run" / "run.toml").exists()


def test_rows_of_numbers_are_standardised(
    command: Any, tmp_path: Path, without_curves: None
) -> None:
    rows = np.random.default_rng(0).normal(500, 100, (80, 6))
    rows[:, 0] /= 1000  # the columns of a table have units of their own
    np.savez(tmp_path / "rows.npz", x=rows, y=np.arange(80) % 2)
    for method in METHODS:
        options = ("--epochs", "1", "--hidden", "5", "--run-dir", method, "--quiet")
        done = command("pretrain", "rows.npz", "--method", method, *options)
        assert (done.returncode, done.stderr) == (0, ""), method
        model = keras.models.load_model(tmp_path / method / "encoder.keras")
        assert model.predict(rows, verbose=0).shape == (80, 5)
        prepared = keras.Sequential(model.layers[:1]).predict(rows, verbose=0)
        spread = np.ptp(prepared, axis=0)
        assert spread.max() < 2 * spread.min(), method
