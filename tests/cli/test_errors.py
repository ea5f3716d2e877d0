"""What cannot be done is said in one sentence on the standard error, with exit code 1."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras

X = np.zeros((30, 4), "float32")
Y = np.arange(30) % 3


def arrays(directory: Path) -> None:
    np.savez(directory / "good.npz", x=X, y=Y)
    np.savez(directory / "no_y.npz", x=X)
    np.savez(directory / "no_x.npz", y=Y)
    np.savez(directory / "lengths.npz", x=X, y=Y[:20])
    np.savez(directory / "test_lengths.npz", x=X, y=Y, x_test=X[:5], y_test=Y[:3])
    np.savez(directory / "test_labels.npz", x=X, y=Y, x_test=X[:3], y_test=np.array([0, 1, 7]))
    np.savez(directory / "test_shape.npz", x=X, y=Y, x_test=X[:3, :2], y_test=Y[:3])
    np.savez(directory / "negative.npz", x=X, y=Y - 1)
    np.savez(directory / "few.npz", x=X[:1], y=Y[:1])
    np.savez(directory / "empty.npz", x=X[:0], y=Y[:0])
    np.savez(directory / "number.npz", x=np.float32(1), y=np.float32(1))
    np.savez(directory / "nan.npz", x=np.full_like(X, np.nan), y=Y)
    np.savez(directory / "text.npz", x=np.full((30, 4), "a"), y=Y)
    np.savez(directory / "words.npz", x=X, y=np.array(["cat", "dog", "cow"] * 10))
    np.savez(directory / "wide.npz", x=np.zeros((3, 9), "float32"))
    np.savez(directory / "objects.npz", x=np.array([{}], object), y=Y, allow_pickle=True)
    np.save(directory / "single.npy", X)
    (directory / "text.txt").write_text("x,y\n1,2\n")
    (directory / "broken.npz").write_bytes((directory / "good.npz").read_bytes()[:100])
    (directory / "file").write_bytes(b"")
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    model.save(directory / "m.keras")
    (directory / "fake.keras").write_bytes(b"not a model")
    (directory / "taken").mkdir()
    (directory / "taken" / "run.toml").write_text("")


QUICK = ("--epochs", "1", "--hidden", "5", "--quiet", "--run-dir", "run")
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no such data set": (
        ("train", "fashion-mnits", *QUICK),
        "'fashion-mnits' is neither a file nor a data set that Latih knows. Did you mean "
        "'fashion-mnist'",
    ),
    "no such file": (("train", "none.npz", *QUICK), "there is no file 'none.npz'"),
    "a text file": (("train", "text.txt", *QUICK), "'text.txt' holds no arrays"),
    "a single array": (("train", "single.npy", *QUICK), "'single.npy' holds no arrays"),
    "a broken file": (("train", "broken.npz", *QUICK), "'broken.npz' holds no arrays"),
    "pickles": (("train", "objects.npz", *QUICK), "'objects.npz' holds no arrays"),
    "no targets": (
        ("train", "no_y.npz", *QUICK),
        "'no_y.npz' lacks y: expected the arrays x and y, got x. Write it with numpy.savez",
    ),
    "different lengths": (("train", "lengths.npz", *QUICK), "30 in `x`, 20 in `y`"),
    "different lengths of the test's": (
        ("train", "test_lengths.npz", *QUICK),
        "5 in `x_test`, 3 in `y_test`",
    ),
    "labels of the test's out of range": (("train", "test_labels.npz", *QUICK), "`y_test`"),
    "another shape of the test's": (("train", "test_shape.npz", *QUICK), "`x_test`"),
    "negative classes": (("train", "negative.npz", *QUICK), "Number the classes from 0"),
    "a single example": (("train", "few.npz", *QUICK), "too few examples to hold any back"),
    "no example": (("train", "empty.npz", *QUICK), "expected"),
    "a single number": (("train", "number.npz", *QUICK), "expected"),
    "NaN": (("train", "nan.npz", *QUICK), "NaN"),
    "text for numbers": (("train", "text.npz", *QUICK), "expected numbers"),
    "words for classes": (("train", "words.npz", *QUICK), "expected numbers"),
    "an unknown activation": (
        ("train", "good.npz", *QUICK, "--activation", "reul"),
        "unknown activation 'reul'. Did you mean 'relu'",
    ),
    "an unknown initializer": (
        ("train", "good.npz", *QUICK, "--initializer", "he"),
        "unknown initializer 'he'",
    ),
    "an unknown optimizer": (
        ("train", "good.npz", *QUICK, "--optimizer", "adm"),
        "unknown optimizer 'adm'. Did you mean 'Adam'",
    ),
    "units that are no numbers": (
        ("train", "good.npz", *QUICK, "--hidden", "300;100"),
        "`--hidden` cannot be read: expected whole numbers with commas between",
    ),
    **{
        f"units as {text!r}": (
            ("train", "good.npz", *QUICK, "--hidden", text),
            "`--hidden` cannot be read: expected whole numbers with commas between, each 1 or more",
        )
        for text in ("0", "0x100", "100x0", "-2x100", "x100", "5,,5", ",", "99999999x1")
    },
    "too much dropout": (("train", "good.npz", *QUICK, "--dropout", "1.5"), "`rate` of Dropout"),
    "a negative price": (("train", "good.npz", *QUICK, "--l2", "-1"), "l2"),
    "a negative rate": (("train", "good.npz", *QUICK, "--lr", "-0.1"), "`learning_rate`"),
    "no epochs": (("train", "good.npz", *QUICK, "--epochs", "0"), "`epochs` is out of range"),
    "no batch": (("train", "good.npz", *QUICK, "--batch-size", "0"), "`batch_size`"),
    "a negative seed": (("train", "good.npz", *QUICK, "--seed", "-1"), "`seed`"),
    "a directory that holds a run": (
        ("train", "good.npz", "--quiet", "--run-dir", "taken"),
        "the directory 'taken' holds a run already",
    ),
    "a directory under a file": (
        ("train", "good.npz", "--quiet", "--run-dir", "file/run"),
        "cannot write to the directory 'file/run'",
    ),
    "no such model": (("predict", "none.keras", "good.npz"), "there is no file 'none.keras'"),
    "a file that is no model": (("predict", "fake.keras", "good.npz"), "is not a .keras file"),
    "a directory without a run": (("predict", ".", "good.npz"), "is not a run directory"),
    "nothing to predict": (("predict", "m.keras", "no_x.npz"), "'no_x.npz' lacks x"),
    "examples of another width": (("predict", "m.keras", "wide.npz"), "does not fit the first"),
    "a table in the place of a directory": (
        ("predict", "m.keras", "good.npz", "-o", "taken"),
        "taken",
    ),
    "a table under a file": (
        ("predict", "m.keras", "good.npz", "-o", "file/out.csv"),
        "cannot write to the directory 'file'",
    ),
    "a report on nothing": (("report", "none"), "'none' is not a run directory"),
}


def refused(command: Any, arguments: tuple[str, ...], says: str) -> None:
    done = command(*arguments)
    assert done.returncode == 1
    assert says in done.stderr
    # One sentence, on one line; a near match ends it with a question mark.
    assert done.stderr.startswith("latih: ") and done.stderr.endswith((".\n", "?\n"))
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: tuple[str, ...], says: str, command: Any, tmp_path: Path
) -> None:
    arrays(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    refused(command, arguments, says)
    # Nothing was trained: what was asked for was refused before the first step.
    assert not (tmp_path / "run" / "final.keras").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "run") == before


def test_a_run_is_not_written_over(command: Any, tmp_path: Path) -> None:
    arrays(tmp_path)
    assert command("train", "good.npz", *QUICK).returncode == 0

    def files() -> dict[Path, bytes]:
        return {
            path: path.read_bytes() for path in (tmp_path / "run").rglob("*.*") if path.is_file()
        }

    before = files()
    says = (
        "the run in 'run' cannot be gone on with: it was begun with something else: "
        "got the learning rate: 0.001 -> 0.5. Undo the change"
    )
    refused(command, ("train", "good.npz", *QUICK, "--lr", "0.5"), says)
    assert files() == before
    again = command("train", "good.npz", *QUICK)
    assert again.returncode == 0 and "Test" in again.stdout
    assert files()[tmp_path / "run" / "best.keras"] == before[tmp_path / "run" / "best.keras"]


def test_an_error_goes_to_the_standard_error_of_the_process(shell: Callable[..., Any]) -> None:
    done = shell("train", "none.npz")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "latih: there is no file 'none.npz': expected an .npz file with the array x. "
        "Write one with numpy.savez('data.npz', x=x, y=y).\n"
    )


def test_an_option_that_there_is_not_is_refused_by_the_parser(shell: Callable[..., Any]) -> None:
    done = shell("train", "--epoch", "3")
    assert done.returncode == 2
    assert "No such option: --epoch" in done.stderr
