"""``latih resume``: to the same bits whatever ended the run, and a sentence where it cannot."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.run_directory import RunDirectory

DEADLINE = 90.0
EPOCHS = 4
SMALL = ("--hidden", "12", "--batch-size", "8", "--dropout", "0.2", "--snapshot-every", "3")


def blobs(path: Path, count: int = 600, seed: int = 0) -> None:
    dice = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = np.array([[0, 0, 1], [2, 0, 1], [0, 2, 1]])
    np.savez(path, x=centres[labels] + dice.normal(size=(count, 3)), y=labels)


def weights(run: Path) -> list[np.ndarray]:
    kept = [keras.models.load_model(run / name) for name in ("best.keras", "final.keras")]
    return [weight for model in kept for weight in model.get_weights()]


def numbers(run: Path) -> list[dict[str, Any]]:
    lines = RunDirectory.open(run).log.read()
    times = ("seconds", "samples_per_second")
    return [{name: value for name, value in line.items() if name not in times} for line in lines]


def assert_same(one: Path, other: Path) -> None:
    assert numbers(one) == numbers(other)
    for got, wanted in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(got, wanted)
    judged = [RunDirectory.open(run).evaluation.read() for run in (one, other)]
    assert judged[0] == judged[1] and judged[0]["scores"]


def broken_off(folder: Path, by: signal.Signals, epochs: int) -> "tuple[int, str, str]":
    """Train, and send a signal in the midst of the third epoch or soon after."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-W", "error", "-m", "latih", "train", "blobs.npz", *SMALL),
            *("--epochs", str(epochs), "--patience", "1000", "--run-dir", "run"),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log, end = folder / "run" / "log.jsonl", time.monotonic() + DEADLINE
    while not (log.is_file() and log.read_bytes().count(b"\n") >= 2):
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.005)
    process.send_signal(by)
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out, err


CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


@pytest.mark.parametrize("by", CODES, ids=lambda by: by.name)
def test_after_a_signal_it_goes_on_to_the_same_bits(
    by: signal.Signals, command: Any, tmp_path: Path
) -> None:
    blobs(tmp_path / "blobs.npz")
    code, out, err = broken_off(tmp_path, by, epochs=400)
    assert code == CODES[by], err
    run = tmp_path / "run"
    done = RunDirectory.open(run).log.read()[-1]["epoch"]
    assert 2 <= done < 400
    if by == signal.SIGINT:
        assert err == ""
        assert "`latih resume run blobs.npz` goes on." in out
    if by == signal.SIGTERM:
        assert err == "latih: ended by SIGTERM\n"
    if by != signal.SIGKILL:
        # What was learnt is judged and shown all the same.
        assert RunDirectory.open(run).evaluation.read()["scores"]
        assert (run / "report.html").is_file() and (run / "final.keras").is_file()
    epochs = str(done + 2)
    again = command("resume", "run", "blobs.npz", "--epochs", epochs, "--quiet")
    assert (again.returncode, again.stderr) == (0, "")
    asked = ("--epochs", epochs, "--patience", "1000", "--run-dir", "alone", "--quiet")
    alone = command("train", "blobs.npz", *SMALL, *asked)
    assert alone.stdout.splitlines()[0] == again.stdout.splitlines()[0]
    assert_same(run, tmp_path / "alone")


def test_more_epochs_train_a_run_that_had_ended_on(command: Any, tmp_path: Path) -> None:
    blobs(tmp_path / "blobs.npz")
    for name, epochs in (("run", 2), ("alone", 5)):
        asked = ("--epochs", str(epochs), "--run-dir", name, "--quiet")
        assert command("train", "blobs.npz", *SMALL, *asked).returncode == 0
    before = weights(tmp_path / "run")
    # Without it there is nothing to do, and that is done: it is judged, and told.
    assert command("resume", "run", "blobs.npz").returncode == 0
    for one, other in zip(weights(tmp_path / "run"), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert command("resume", "run", "blobs.npz", "--epochs", "5", "--quiet").returncode == 0
    assert_same(tmp_path / "run", tmp_path / "alone")
    # And without --epochs it stays at what was asked last.
    assert command("resume", "run", "blobs.npz", "--quiet").returncode == 0
    assert len(numbers(tmp_path / "run")) == 5


@pytest.fixture
def small(command: Any, tmp_path: Path) -> Callable[..., Any]:
    """Return the command, after a short run of a file and one of a known set."""
    blobs(tmp_path / "blobs.npz", 60)
    asked = ("--epochs", "1", "--hidden", "4", "--quiet")
    assert command("train", "blobs.npz", *asked, "--run-dir", "run").returncode == 0
    return command


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def refused(command: Any, folder: Path, *arguments: str) -> str:
    """Return the sentence by which it is refused; nothing is changed by it."""
    before = contents(folder)
    done = command("resume", *arguments)
    assert done.returncode == 1 and done.stderr.startswith("latih: ")
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1
    assert contents(folder) == before
    return done.stderr


def test_a_run_from_a_file_needs_that_file_again(small: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    said = refused(small, run, "run")
    assert said == (
        "latih: the run in 'run' was trained from a file: expected that file, again, got none. "
        "Write latih resume run DATA.npz; other data are refused.\n"
    )
    blobs(tmp_path / "other.npz", 60, seed=1)
    assert "x: other values (their fingerprints differ)" in refused(small, run, "run", "other.npz")
    blobs(tmp_path / "more.npz", 80)
    assert "the training examples: " in (said := refused(small, run, "run", "more.npz"))
    assert " rows" in said
    assert "neither a file nor a data set" in refused(small, run, "run", "missing")
    (tmp_path / "moved.npz").write_bytes((tmp_path / "blobs.npz").read_bytes())
    assert small("resume", "run", "moved.npz", "--epochs", "2").returncode == 0


@pytest.mark.parametrize("name", ["a folder", "x; rm -rf ~", "two\nlines"])
def test_a_name_that_is_unknown_is_told_as_no_command_would_read_it(
    name: str, small: Any, tmp_path: Path
) -> None:
    settings = tmp_path / "run" / "run.toml"
    text = settings.read_text(encoding="utf-8")
    told = text.replace('name = "blobs.npz"', f"name = {json.dumps(name)}")
    settings.write_text(told, encoding="utf-8")
    said = refused(small, tmp_path / "run", "run")
    assert "does not know" in said
    assert ("write `latih resume run " in said) is ("\n" not in name)
    if "\n" not in name:
        assert f"`{shlex.join(['latih', 'resume', 'run', name])}`" in said


def test_a_directory_without_a_run_is_refused(small: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing", "blobs.npz"):
        assert "is not a run directory" in refused(small, tmp_path, name)
    assert not (tmp_path / "missing").exists()


def test_a_run_of_a_script_is_gone_on_with_by_the_script(small: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((8, 2)), np.zeros(8), verbose=0, run_dir=tmp_path / "script")
    assert refused(small, tmp_path / "script", "script") == (
        "latih: the run in 'script' was not made by `latih train`: expected run.toml with the "
        "table [recipe] and a seed, got a run of a script. Run the script again: fit(run_dir=...) "
        "goes on by itself.\n"
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--epochs", "0"),
        ("--epochs", "-3"),
        ("--snapshot-every", "0"),
        ("--snapshot-every", "often"),
        ("--snapshot-every", ""),
    ],
    ids=" ".join,
)
def test_options_that_mean_nothing_are_refused(
    options: tuple[str, ...], small: Any, tmp_path: Path
) -> None:
    refused(small, tmp_path / "run", "run", "blobs.npz", *options)


HOSTILE: dict[str, tuple[str, str]] = {
    "no TOML": ("[run]", "[run"),
    "no run": ("[run]", "[ran]"),
    "the run is a number": ("[run]", "run = 3\n[ran]"),
    "the recipe is a list": ("[recipe]", "recipe = []\n[other]"),
    "another recipe": ('name = "dense"', 'name = "wide"'),
    "a seed of text": ("seed = 42", 'seed = "42"'),
    "a seed that is true": ("seed = 42", "seed = true"),
    "a seed below 0": ("seed = 42", "seed = -1"),
    "a seed without end": ("seed = 42", f"seed = {10**40}"),
    "units of text": ("hidden = [\n    4,\n]", 'hidden = ["4"]'),
    "units below 0": ("hidden = [\n    4,\n]", "hidden = [-4]"),
    "units without end": ("hidden = [\n    4,\n]", f"hidden = [{10**30}]"),
    "units that fill the memory": ("hidden = [\n    4,\n]", f"hidden = [{10**12}]"),
    "layers without end": ("hidden = [\n    4,\n]", f"hidden = [{'9999,' * 9999}]"),
    "epochs of text": ("epochs = 1\n", 'epochs = "1"\n'),
    "a batch of nothing": ("batch_size = 32", "batch_size = 0"),
    "a batch that is nan": ("batch_size = 32", "batch_size = nan"),
    "dropout nan": ("dropout = 0.0", "dropout = nan"),
    "dropout 7": ("dropout = 0.0", "dropout = 7"),
    "l2 below 0": ("l2 = 0.0", "l2 = -inf"),
    "an optimizer of elsewhere": ('optimizer = "adam"', 'optimizer = "os.system"'),
    "an activation of elsewhere": ('activation = "relu"', 'activation = "builtins.exec"'),
    "a setting of nobody's": ('name = "dense"', 'name = "dense"\n__class__ = "os"'),
    "patience of a list": ("patience = 5", "patience = [5]"),
}


@pytest.mark.parametrize("change", HOSTILE)
def test_a_file_that_was_tampered_with_is_refused(change: str, small: Any, tmp_path: Path) -> None:
    file = tmp_path / "run" / "run.toml"
    text = file.read_text()
    old, new = HOSTILE[change]
    assert old in text, text
    file.write_text(text.replace(old, new))
    refused(small, tmp_path / "run", "run", "blobs.npz")


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../x.npz", "fashion-mnist-embedded/../x", "", "\\u0000", "x" * 9999]
)
def test_no_file_is_opened_because_another_names_it(
    name: str, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run" / "run.toml"
    text = file.read_text()
    file.write_text(text.replace('name = "blobs.npz"', f'name = "{name}"'))
    refused(small, tmp_path / "run", "run")


@pytest.mark.parametrize("change", ['data = "x"', "data = 3", "data = []"])
def test_a_table_that_is_none_is_refused(change: str, small: Any, tmp_path: Path) -> None:
    file = tmp_path / "run" / "run.toml"
    file.write_text(f"{change}\n" + file.read_text().replace("[data]", "[other]"))
    refused(small, tmp_path / "run", "run")


def test_a_run_whose_snapshots_are_gone_is_refused(small: Any, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "run" / "snapshots")
    assert refused(small, tmp_path / "run", "run", "blobs.npz") == (
        "latih: the run in 'run' cannot be gone on with: expected a run that kept snapshots, got "
        "none of them. Begin anew, in another directory.\n"
    )
