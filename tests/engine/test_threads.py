"""How many threads a pass takes: chosen by a trial that changes nothing, and then never again."""

import json
import math
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from keeping import Taking

import latih as keras
from latih import config
from latih.engine import measurements, threads
from latih.engine.capture.effects import Effects
from latih.engine.threads import Threads, choice, fastest
from latih.errors import InputError, LatihWarning

_draw = np.random.default_rng(3)
X = _draw.normal(size=(44, 300)).astype("float32")
LABELS = _draw.integers(0, 3, 44)
layers = keras.layers


@pytest.fixture(autouse=True)
def chosen_of_four(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Let torch have four threads of which Latih chooses; what is measured stays in this test."""
    place = tmp_path / "cache" / "measurements.jsonl"
    monkeypatch.setenv("LATIH_MEASUREMENTS", str(place))
    monkeypatch.setattr(config, "_threads", "auto")
    measurements.forget()
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield place
    torch.set_num_threads(before)
    measurements.forget()


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let each trial find three threads fastest; the list says what each of them found."""
    found: list[int] = []
    monkeypatch.setattr(threads, "fastest", _finding(found, 3))
    # However slow the machine is just now.
    monkeypatch.setattr(threads, "LONG_SECONDS", math.inf)
    return found


def _finding(found: list[int], number: int) -> Callable[..., int]:
    def trial(run: Callable[[], object], most: int, steps: int | None = None) -> int:
        for tried in (most, 1, 2):  # as a true trial does
            torch.set_num_threads(tried)
            run()
        torch.set_num_threads(most)
        found.append(number)
        return number

    return trial


def net() -> Any:
    model = keras.Sequential(
        [
            keras.Input((300,)),
            layers.Dense(64, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    # Sums of gradients over two steps, which a trial must not take part in.
    adam = keras.optimizers.Adam(0.01, gradient_accumulation_steps=2, clipnorm=1.0)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Listening(keras.callbacks.Callback):
    """Notes how many threads each step had, and each evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []
        self.tests: list[int] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.steps.append(torch.get_num_threads())

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.tests.append(torch.get_num_threads())

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Any) -> None: ...


def fit(model: Any, *callbacks: Any, **asked: Any) -> Any:
    given = {"epochs": 2, "batch_size": 8, "verbose": 0, "callbacks": list(callbacks), **asked}
    return model.fit(X, LABELS, **given)


def bits(model: Any) -> list[bytes]:
    slots = [slot.numpy() for slot in model.optimizer.slots.values()]
    return [array.tobytes() for array in (*model.get_weights(), *slots)]


# What a trial finds


class Clock:
    """A time that a function takes as its number of threads lets it."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds, self.now = seconds, 0.0
        self.runs: list[int] = []

    def __call__(self) -> float:
        return self.now

    def run(self) -> None:
        self.runs.append(torch.get_num_threads())
        self.now += self.seconds[torch.get_num_threads()]


@pytest.mark.parametrize(
    ("seconds", "number"),
    [
        ({1: 1e-4, 2: 2e-4, 4: 3e-4}, 1),
        ({1: 4e-4, 2: 2e-4, 4: 3e-4}, 2),
        ({1: 4e-4, 2: 2e-4, 4: 1e-4}, 4),
        ({1: 1.04e-4, 2: 1e-4, 4: 1e-4}, 1),  # hardly slower: a tie
        ({1: 1.07e-4, 2: 1.04e-4, 4: 1e-4}, 2),
    ],
)
def test_the_fastest_is_found_and_of_equals_the_fewest(
    seconds: dict[int, float], number: int
) -> None:
    clock = Clock(seconds)
    assert fastest(clock.run, 4, 1000, clock) == number
    assert torch.get_num_threads() == 4
    assert set(clock.runs) == {1, 2, 4}


def test_the_numbers_are_tried_in_turns_and_the_shortest_time_counts() -> None:
    clock = Clock({})
    runs = iter([30e-4, 3e-4, 20e-4, 1e-4] + [2e-4] * 100)  # the first of each is cold

    def run() -> None:
        clock.runs.append(torch.get_num_threads())
        clock.now += next(runs)

    assert fastest(run, 3, 1000, clock) == 3
    assert clock.runs[:8] == [1, 1, 3, 3, 2, 2, 1, 1]


@pytest.mark.parametrize(
    ("seconds", "steps", "most"),
    [
        (1e-4, 1875, threads.LEAST_SECONDS),  # a fiftieth of the epoch is less
        (1e-3, 1875, 1875 * 1e-3 * threads.SHARE),
        (1e-2, 1875, threads.MOST_SECONDS),
        (1e-3, None, threads.LEAST_SECONDS),
    ],
)
def test_a_trial_ends_when_it_has_cost_enough(
    seconds: float, steps: int | None, most: float
) -> None:
    # Two runs with each number of threads are a turn.
    clock = Clock(dict.fromkeys((1, 2, 4), seconds))
    assert fastest(clock.run, 4, steps, clock) == 1
    assert clock.now <= most + 2 * seconds
    assert len(clock.runs) <= 3 * 2 * threads.ROUNDS


def test_a_step_that_costs_more_than_a_trial_may_is_done_once() -> None:
    clock = Clock(dict.fromkeys((1, 2, 4), 3.0))
    assert fastest(clock.run, 4, 1000, clock) == 4
    assert clock.runs == [1]


def test_many_threads_on_few_free_cores_are_tried_once_and_left() -> None:
    clock = Clock({1: 1e-3, 2: 2e-3, 4: 7.0})
    assert fastest(clock.run, 4, 1000, clock) == 1
    assert clock.runs == [1, 1, 4]


def test_a_trial_that_fails_leaves_the_number_as_it_was() -> None:
    def run() -> None:
        torch.set_num_threads(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fastest(run, 4, 1000)
    assert torch.get_num_threads() == 4


# What a trial leaves


@pytest.mark.filterwarnings("ignore::latih.errors.LatihWarning")
def test_a_trial_changes_nothing(monkeypatch: pytest.MonkeyPatch, chosen_of_four: Path) -> None:
    def trained(trial: Callable[..., int]) -> tuple[Any, ...]:
        measurements.forget()
        chosen_of_four.unlink(missing_ok=True)
        monkeypatch.setattr(threads, "fastest", trial)
        keras.utils.set_random_seed(5)
        model = net()
        history = fit(model, validation_data=(X, LABELS)).history
        drawn = float(torch.rand(())), keras.random.make_seed()
        return history, bits(model), drawn

    tried: list[int] = []
    with_trial = trained(_finding(tried, 4))
    without = trained(lambda run, most, steps: 4)
    assert tried == [4]
    assert with_trial == without


def test_what_is_written_is_put_back_byte_for_byte_and_the_dice_too() -> None:
    whole = torch.arange(6.0)
    tiny = torch.tensor([1e-40]).view(torch.int32)  # a denormal, which a copy of numbers may lose
    own = torch.Generator().manual_seed(3)
    before = own.get_state(), torch.get_rng_state(), tiny.clone()
    with (
        pytest.raises(KeyError),
        Effects([whole[2:4], tiny], [own, torch.default_generator]).undone(),
    ):
        whole.fill_(7)
        tiny.zero_()
        torch.rand(3, generator=own)
        torch.rand(3)
        raise KeyError
    assert whole.tolist() == [0, 1, 2, 3, 4, 5]
    assert torch.equal(tiny, before[2])
    assert torch.equal(own.get_state(), before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


class Torchs(keras.layers.Layer):
    """Draws from torch's own generator, as people write it, and counts in a buffer."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.register_buffer("heard", torch.zeros(()))

    def call(self, inputs: Any, training: bool = False) -> Any:
        self.heard.add_(1)
        return torch.nn.functional.dropout(inputs, 0.5, training)


def test_the_effects_of_a_recorded_step_are_known() -> None:
    model = keras.Sequential(
        [keras.Input((300,)), Torchs(), layers.BatchNormalization(), layers.Dense(3)]
    )
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(X, X[:, :3], batch_size=8, epochs=1, verbose=0)
    step = model.make_train_step()
    (plan, *_) = [replay.plan for replay in step.captured.replays.values()]
    kept = {one.untyped_storage().data_ptr() for one in plan.effects.tensors}
    norm = model.layers[1]
    moving = (norm.moving_mean, norm.moving_variance)
    sums = [sum_ for metric in model.metrics for sum_ in metric.variables]
    for changed in (model.layers[0].heard, *moving, *sums, model.optimizer.flat.gradients):
        assert changed.untyped_storage().data_ptr() in kept
    assert model.weights[0].untyped_storage().data_ptr() not in kept
    assert plan.effects.generators == [torch.default_generator]
    memory = [one.clone() for one in plan.effects.tensors]
    dice = torch.get_rng_state()
    with plan.effects.undone():
        plan.run()
        assert not torch.equal(torch.get_rng_state(), dice)
    assert torch.equal(torch.get_rng_state(), dice)
    for one, before in zip(plan.effects.tensors, memory, strict=True):
        assert torch.equal(one, before)


# When it is chosen, and for how long it holds


def test_the_second_batch_of_a_shape_settles_it_for_the_whole_training(trials: list[int]) -> None:
    model, heard = net(), Listening()
    fit(model, heard, validation_data=(X, LABELS))
    assert heard.steps == [4, 4] + [3] * 10
    assert set(heard.tests) == {3}
    assert torch.get_num_threads() == 4
    assert trials == [3]
    assert model.explain_step().startswith("A step is replayed from a record, on 3 threads: ")


def test_what_is_recorded_already_settles_it_at_the_same_batch(trials: list[int]) -> None:
    model, heard = net(), Listening()
    fit(model)
    fit(model, heard)
    assert heard.steps == [4, 4] + [3] * 10
    assert trials == [3]


def test_what_comes_after_a_training_takes_its_number(trials: list[int]) -> None:
    model, heard = net(), Listening()
    fit(model)
    scores = model.evaluate(X, LABELS, batch_size=8, verbose=0, callbacks=[heard])
    assert set(heard.tests) == {3}
    again = fit(model, epochs=1, validation_data=(X, LABELS), validation_batch_size=8)
    del again, scores
    model.predict(X, batch_size=8, verbose=0)
    model.train_on_batch(X, LABELS)
    assert torch.get_num_threads() == 4
    assert trials == [3]


def test_the_evaluation_in_a_training_and_the_one_after_it_agree(trials: list[int]) -> None:
    model = net()
    history = fit(model, validation_data=(X, LABELS)).history
    again = model.evaluate(X, LABELS, batch_size=8, verbose=0, return_dict=True)
    assert [history[f"val_{name}"][-1] for name in again] == list(again.values())


def test_an_evaluation_alone_chooses_for_itself(trials: list[int]) -> None:
    model, heard = net(), Listening()
    model.evaluate(X, LABELS, batch_size=8, verbose=0, callbacks=[heard])
    assert heard.tests == [4, 4, 3, 3, 3, 3]
    alone = np.concatenate([np.asarray(model(X[i : i + 8]).detach()) for i in range(0, 44, 8)])
    np.testing.assert_allclose(model.predict(X, batch_size=8, verbose=0), alone, rtol=1e-5)
    assert trials == [3, 3]
    assert torch.get_num_threads() == 4


def test_what_is_not_recorded_takes_torchs_number(trials: list[int]) -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    eager, own, heard = net(), Own(), Listening()
    eager.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    own.compile("sgd", "sparse_categorical_crossentropy")
    fit(eager, heard)
    fit(own, heard)
    assert set(heard.steps) == {4} and trials == []


def test_one_thread_needs_no_trial(trials: list[int]) -> None:
    torch.set_num_threads(1)
    fit(net())
    assert trials == []


@pytest.mark.parametrize("step", [0, 1, 5])
def test_an_error_gives_torch_its_number_back(trials: list[int], step: int) -> None:
    def fail(batch: int, logs: Any) -> None:
        if batch == step:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(net(), keras.callbacks.LambdaCallback(on_train_batch_end=fail))
    assert torch.get_num_threads() == 4


def test_what_a_callback_tells_torch_stays(trials: list[int]) -> None:
    def tell(batch: int, logs: Any) -> None:
        if batch == 4:
            torch.set_num_threads(2)

    heard = Listening()
    fit(net(), keras.callbacks.LambdaCallback(on_train_batch_begin=tell), heard, epochs=1)
    assert heard.steps == [4, 4, 3, 3, 2, 2]
    assert torch.get_num_threads() == 2


# What the user sets


def test_the_users_number_holds(trials: list[int]) -> None:
    keras.config.set_threads(2)
    assert keras.config.threads() == 2
    model, heard = net(), Listening()
    fit(model, heard, validation_data=(X, LABELS))
    assert set(heard.steps) == set(heard.tests) == {2}
    assert trials == [] and torch.get_num_threads() == 4
    assert "on 2 threads" in model.explain_step()
    keras.config.set_threads("auto")
    fit(model, heard)
    assert trials == [3]


def test_what_torch_was_told_counts_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_threads", None)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(config, "_torch_threads", 4)
    assert config.threads() == "auto"
    torch.set_num_threads(2)
    assert config.threads() == 2
    torch.set_num_threads(4)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        with monkeypatch.context() as context:
            context.setenv(name, "4")
            assert config.threads() == 4


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "all", None])
def test_other_numbers_are_refused(number: Any) -> None:
    with pytest.raises(InputError, match="a whole number of at least 1, or 'auto'"):
        config.set_threads(number)


# What is remembered


def test_the_first_trial_counts_in_this_process_and_in_later_ones(
    trials: list[int], chosen_of_four: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(net())
    (line,) = chosen_of_four.read_text().splitlines()
    told = json.loads(line)
    assert told["is"] == 3 and told["of"]["most"] == 4 and told["of"]["torch"] == torch.__version__
    monkeypatch.setattr(threads, "fastest", _finding(trials, 1))
    chosen_of_four.unlink()
    model = net()
    fit(model)
    assert "on 3 threads" in model.explain_step()
    chosen_of_four.write_text(line + "\n")
    measurements.forget()  # as another process has
    model = net()
    fit(model)
    assert "on 3 threads" in model.explain_step()
    assert trials == [3]


def test_another_step_or_machine_is_tried_anew(
    trials: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(net())
    fit(net(), batch_size=11)
    torch.set_num_threads(3)
    fit(net())
    torch.set_num_threads(4)
    other = {**measurements._machine(), "processor": "another"}
    monkeypatch.setattr(measurements, "_machine", lambda: other)
    fit(net())
    assert trials == [3, 3, 3, 3]
    assert len({*measurements._known}) == 4


@pytest.mark.parametrize(
    "damaged",
    [
        lambda line: b"",
        lambda line: line[:-20],
        lambda line: b"\xff\x00" + line,
        lambda line: line.replace(b'"is": 3', b'"is": 64'),
        lambda line: line.replace(b'"is": 3', b'"is": true'),
        lambda line: line.replace(b'"is": 3', b'"is": "3"'),
        lambda line: b"[" * 100_000,
        lambda line: b"[3]\n7\nnull\n",
    ],
)
def test_a_damaged_line_counts_as_not_there(
    trials: list[int], chosen_of_four: Path, damaged: Callable[[bytes], bytes]
) -> None:
    fit(net())
    line = chosen_of_four.read_bytes()
    chosen_of_four.write_bytes(damaged(line))
    measurements.forget()
    fit(net())
    assert trials == [3, 3]
    measurements.forget()
    fit(net())  # what was written after it can be read
    assert trials == [3, 3]


def test_of_two_processes_that_measure_at_once_the_first_counts(
    chosen_of_four: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = {"threads_of": "a", "most": 4}
    assert measurements.remember(what, range(1, 5), 2) == 2
    measurements.forget()
    assert measurements.remember(what, range(1, 5), 4) == 2
    assert measurements.remembered(what, range(1, 5)) == 2
    assert measurements.remembered({**what, "most": 2}, range(1, 3)) is None


def test_a_place_that_cannot_be_written_is_no_error(
    trials: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LATIH_MEASUREMENTS", str(tmp_path / "file" / "measurements"))
    fit(net())
    fit(net())  # the process remembers
    assert trials == [3]
    monkeypatch.setenv("LATIH_MEASUREMENTS", str(tmp_path))
    measurements.forget()
    fit(net())
    assert trials == [3, 3]


def test_a_file_that_has_grown_long_keeps_what_came_first(
    chosen_of_four: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurements, "LARGEST_FILE", 2000)
    for number in range(40):
        measurements.remember({"number": number}, [1], 1)
        assert chosen_of_four.stat().st_size < 2500
    measurements.forget()
    assert measurements.remembered({"number": 39}, [1]) == 1
    assert measurements.remembered({"number": 0}, [1]) == 1


def test_the_place_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATIH_MEASUREMENTS", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert measurements._place() == tmp_path / "latih" / "measurements.jsonl"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert measurements._place() == Path.home() / ".cache" / "latih" / "measurements.jsonl"


# The same bits


SCRIPT = """
import hashlib
import numpy as np
import latih as keras
import torch
torch.set_num_threads(2)
keras.config.set_threads("auto")
def run():
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(1000, 300)).astype("float32")
    model = keras.Sequential([keras.layers.Dense(64, activation="relu"), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    log = model.fit(x, x[:, :3], batch_size=64, epochs=2, verbose=0).history["loss"]
    said = hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()
    return said, log, model.explain_step().partition(":")[0]
first = run()
print(first == run(), first)
"""


def test_two_processes_and_two_runs_in_one_give_the_same_bits(
    chosen_of_four: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    other = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True
    ).stdout
    runpy.run_path(str(script))
    assert other.startswith("True")
    assert capsys.readouterr().out == other
    assert len(chosen_of_four.read_text().splitlines()) == 1


@pytest.mark.parametrize("varied", [False, True])
def test_a_resumed_run_takes_the_stored_number_from_the_same_step_on(
    trials: list[int],
    chosen_of_four: Path,
    monkeypatch: pytest.MonkeyPatch,
    varied: bool,
) -> None:
    def batches() -> Iterator[Any]:
        while True:
            for rows in (8, 5, 9, 5, 8, 9):
                yield X[:rows], LABELS[:rows]

    def trained(model: Any, *callbacks: Any) -> None:
        if varied:
            model.fit(batches(), epochs=1, steps_per_epoch=6, verbose=0, callbacks=list(callbacks))
        else:
            fit(model, *callbacks, epochs=1)

    keras.utils.set_random_seed(7)
    whole, heard, keeper = net(), Listening(), Taking()
    trained(whole, heard, keeper)
    assert heard.steps == ([4, 4, 4, 4, 3, 3] if varied else [4, 4, 3, 3, 3, 3])
    for done, state in enumerate([keeper.first, *keeper.taken]):
        settled = state["threads"]["number"] is not None
        if settled:  # whatever the trial would find now
            monkeypatch.setattr(threads, "fastest", _finding([], 1))
            chosen_of_four.unlink(missing_ok=True)
            measurements.forget()
        model, again = net(), Listening()
        stored = json.loads(json.dumps(state["threads"]))
        trained(model, again, Taking({**state, "threads": stored}))
        assert again.steps == heard.steps[done:], done
        assert bits(model) == bits(whole)
        assert torch.get_num_threads() == 4


class Killed(BaseException):
    """Stands for the end of the process."""


def _die(batch: int, logs: Any) -> None:
    if batch == 4:
        raise Killed


def _killed(run_dir: Path) -> None:
    dying = keras.callbacks.LambdaCallback(on_train_batch_begin=_die)
    with pytest.raises(Killed):
        fit(net(), dying, Listening(), run_dir=run_dir, snapshot_every=1)


def test_a_run_directory_holds_the_number(
    trials: list[int], chosen_of_four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras.utils.set_random_seed(7)
    whole = net()
    fit(whole, Listening(), run_dir=tmp_path / "whole")
    keras.utils.set_random_seed(7)
    _killed(tmp_path / "run")
    monkeypatch.setattr(threads, "fastest", _finding(trials, 1))
    chosen_of_four.unlink()
    measurements.forget()
    model, heard = net(), Listening()
    torch.set_num_threads(6)  # a machine with more of them is as good
    fit(model, heard, run_dir=tmp_path / "run")
    assert set(heard.steps) == {3}
    assert bits(model) == bits(whole)


def test_a_machine_with_fewer_threads_is_told(trials: list[int], tmp_path: Path) -> None:
    _killed(tmp_path / "run")
    torch.set_num_threads(2)
    with pytest.warns(LatihWarning, match="not to the same bits: the machine: threads 3 -> 2"):
        fit(net(), Listening(), run_dir=tmp_path / "run")


def test_another_number_that_the_user_sets_is_told_and_taken(
    trials: list[int], tmp_path: Path
) -> None:
    _killed(tmp_path / "run")
    keras.config.set_threads(2)
    heard = Listening()
    with pytest.warns(LatihWarning, match="threads 3 -> 2"):
        fit(net(), heard, run_dir=tmp_path / "run")
    assert set(heard.steps) == {2}


def test_the_same_number_that_the_user_sets_is_nothing_to_tell(
    trials: list[int], tmp_path: Path
) -> None:
    _killed(tmp_path / "run")
    keras.config.set_threads(3)
    fit(net(), Listening(), run_dir=tmp_path / "run")


def test_a_state_of_other_making_is_not_taken() -> None:
    for number in (True, "3", 2.0, 0, -1, 5, [3]):
        assert not Threads().can_take({"number": number, "seen": []}), number


# Elsewhere than on a processor


def test_what_is_done_on_another_device_is_not_tried(
    trials: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(threads, "choice", lambda *given: asked.append(given) or 1)

    elsewhere = torch.empty(1, device="meta")
    model, heard = net(), Listening()
    fit(model)
    for replay in model.make_train_step().captured.replays.values():
        replay.plan.memory = (*replay.plan.memory, elsewhere)
    asked.clear()
    fit(model, heard, epochs=1)
    assert set(heard.steps) == {4} and asked == []


def test_a_choice_of_one_is_none() -> None:
    assert choice(None, 1) == 1  # type: ignore[arg-type]
