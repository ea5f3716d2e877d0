"""Signals wait for the end of a step: which of them, how long, in which process and thread."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.engine.interrupt import CTRL_C, CTRL_C_AND_SIGTERM, InterruptibleSteps
from latih.errors import Terminated

SIGNALS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}
ERRORS: dict[int, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}
REASONS = {signal.SIGINT: "interrupted by Ctrl-C", signal.SIGTERM: "ended by SIGTERM"}

X, Y = np.zeros([64, 3], "float32"), np.zeros([64, 1], "float32")


# From 3.12 on Python warns of a fork beside threads, which torch may have started.
of_forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def net() -> Any:
    model = keras.Sequential([keras.Input([3]), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model


@pytest.fixture(autouse=True)
def handlers() -> Iterator[list[Any]]:
    """The handlers of before, which every test must find and leave."""
    before = [signal.getsignal(number) for number in SIGNALS.values()]
    assert before == [signal.default_int_handler, signal.SIG_DFL]
    yield before
    assert [signal.getsignal(number) for number in SIGNALS.values()] == before


@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS)
def test_a_signal_waits_for_the_boundary(number: int) -> None:
    done = False
    with (
        pytest.raises(ERRORS[number]) as caught,
        InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps,
    ):
        steps.raise_if_interrupted()
        assert not steps.interrupted
        send(number)
        done = True
        assert steps.interrupted and not steps.at_boundary
        steps.raise_if_interrupted()
    assert done and steps.at_boundary
    assert getattr(caught.value, "code", 143) == 143


@pytest.mark.parametrize("first", SIGNALS.values(), ids=SIGNALS)
@pytest.mark.parametrize("second", SIGNALS.values(), ids=SIGNALS)
def test_a_second_signal_does_not_wait(first: int, second: int) -> None:
    # The end of the program outranks the end of the call.
    raised = ERRORS[max(first, second)]
    with pytest.raises(raised) as caught, InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        send(first)
        send(second)
        pytest.fail("it waited")
    assert type(caught.value) is raised
    assert steps.interrupted and not steps.at_boundary


@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS)
def test_while_things_are_put_in_their_place_a_signal_waits_and_the_next_does_not(
    number: int,
) -> None:
    done: list[str] = []
    with pytest.raises(ERRORS[number]), InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        steps.ending = True
        send(number)
        done.append("waited")
    assert done == ["waited"] and not steps.at_boundary
    with pytest.raises(ERRORS[number]), InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        send(number)  # the one that ended the training
        steps.ending = True
        send(number)
        done.append("waited again")
        send(number)
        done.append("and again")
    assert done == ["waited", "waited again"]


def test_a_signal_beside_an_error_is_not_lost_and_tells_of_it() -> None:
    with pytest.raises(Terminated) as caught, InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        steps.ending = True
        send(signal.SIGTERM)
        raise RuntimeError("the callback's own")
    assert isinstance(caught.value.__context__, RuntimeError)


def test_sigterm_after_ctrl_c_was_raised_ends_the_program() -> None:
    with pytest.raises(Terminated), InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        send(signal.SIGINT)
        try:
            steps.raise_if_interrupted()
        finally:
            steps.ending = True
            send(signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS)
def test_a_handler_of_the_users_own_stays(number: int) -> None:
    heard: list[int] = []
    before = signal.signal(number, lambda number, frame: heard.append(number))
    try:
        with InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
            send(number)
            assert heard == [number] and not steps.interrupted
        send(number)
        assert heard == [number, number]
    finally:
        signal.signal(number, before)


def test_the_blocks_of_an_evaluation_leave_sigterm_alone() -> None:
    with InterruptibleSteps(CTRL_C):
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("what", ["evaluate", "predict"])
def test_sigterm_ends_an_evaluation_at_once(what: str) -> None:
    hook = {"evaluate": "on_test_batch_end", "predict": "on_predict_batch_end"}[what]
    script = f"""
import os, signal
import numpy as np, latih as keras
model = keras.Sequential([keras.Input([3]), keras.layers.Dense(1)])
model.compile("sgd", loss="mse")
kill = lambda batch, logs: (os.kill(os.getpid(), signal.SIGTERM), print("too late", flush=True))
model.{what}(np.zeros([64, 3]), *[np.zeros([64, 1])][:{int(what == "evaluate")}], verbose=0,
             callbacks=[keras.callbacks.LambdaCallback({hook}=kill)])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, ""), done.stderr


def test_ctrl_c_in_an_evaluation_within_a_run_waits_for_the_step_of_the_run() -> None:
    model, heard = net(), list[str]()

    def evaluate(batch: int, logs: Any) -> None:
        quiet = keras.callbacks.LambdaCallback(on_test_batch_end=lambda b, s: send(signal.SIGTERM))
        heard.append("begin")
        model.evaluate(X, Y, verbose=0, callbacks=[quiet] if not heard[1:] else [], batch_size=64)
        heard.append("end")

    with pytest.raises(Terminated):
        model.fit(
            X, Y, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=evaluate)]
        )
    assert heard == ["begin", "end"]
    assert model.stop_reason == "ended by SIGTERM"


@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS)
@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_test_batch_end"]
)
def test_a_run_ends_at_the_step_in_which_the_signal_came(hook: str, number: int) -> None:
    model, heard = net(), list[str]()
    callback = keras.callbacks.LambdaCallback(
        **{hook: lambda *given: send(number)},
        on_train_batch_end=lambda batch, logs: heard.append("step"),
        on_train_end=lambda logs: heard.append("end"),
    )
    with pytest.raises(ERRORS[number]):
        model.fit(X, Y, validation_data=(X, Y), epochs=9, verbose=0, callbacks=[callback])
    assert model.stop_reason == REASONS[number]
    assert heard == (["step", "step", "end"] if hook == "on_test_batch_end" else ["step", "end"])
    assert not model.completed


@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS)
def test_a_signal_at_the_very_end_is_raised_after_a_run_that_is_done(number: int) -> None:
    model = net()
    callback = keras.callbacks.LambdaCallback(on_train_end=lambda logs: send(number))
    with pytest.raises(ERRORS[number]):
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[callback])
    assert model.stop_reason == "all epochs done" and model.completed


def test_an_error_of_the_data_after_a_signal_is_the_signals() -> None:
    def rows() -> Iterator[Any]:
        yield X[:4], Y[:4]
        send(signal.SIGTERM)
        raise RuntimeError("a reader died")

    model = net()
    with pytest.raises(Terminated):
        model.fit(rows(), steps_per_epoch=3, verbose=0)
    assert model.stop_reason == "ended by SIGTERM"


def test_an_error_of_the_data_is_raised_as_it_is() -> None:
    def rows() -> Iterator[Any]:
        yield X[:4], Y[:4]
        raise RuntimeError("a reader died")

    with pytest.raises(RuntimeError, match="a reader died"):
        net().fit(rows(), steps_per_epoch=3, verbose=0)


def test_outside_the_main_thread_nothing_is_done() -> None:
    found: list[Any] = []

    def run() -> None:
        net().fit(
            X,
            Y,
            verbose=0,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_epoch_begin=lambda epoch, logs: found.extend(
                        signal.getsignal(number) for number in SIGNALS.values()
                    )
                )
            ],
        )

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler, signal.SIG_DFL]


def _wait() -> None:
    time.sleep(60)


@of_forks
@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_forked_child_dies_of_sigterm(end: str) -> None:
    with InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        child = multiprocessing.get_context("fork").Process(target=_wait)
        child.start()
        ending: Callable[[], None] = getattr(child, end)
        ending()
        child.join(20)
        assert child.exitcode == {"terminate": -signal.SIGTERM, "kill": -signal.SIGKILL}[end]
        steps.raise_if_interrupted()


@of_forks
def test_sigterm_finds_a_child_however_young() -> None:
    # Python forgets what a process hears before its fork is done.
    with InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        for _ in range(100):
            child = os.fork()
            if not child:
                time.sleep(10)
                os._exit(0)
            os.kill(child, signal.SIGTERM)
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM
        send(signal.SIGTERM)
        with pytest.raises(Terminated):
            steps.raise_if_interrupted()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        assert signal.SIGTERM not in mask


@of_forks
def test_ctrl_c_of_the_terminal_leaves_a_forked_child_to_its_parent() -> None:
    # The step that the parent finishes may need what the child reads.
    with InterruptibleSteps(CTRL_C_AND_SIGTERM):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            send(signal.SIGINT)
            os.write(writing, b"alive")
            os._exit(0)
        os.waitpid(child, 0)
    assert os.read(reading, 9) == b"alive"
    os.close(reading)
    os.close(writing)


def test_the_death_of_a_child_after_sigterm_disturbs_no_step() -> None:
    def complain(number: int, frame: Any) -> None:
        raise RuntimeError("a child has died")

    before, disturbed = signal.signal(signal.SIGCHLD, complain), True
    try:
        with pytest.raises(Terminated), InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
            send(signal.SIGTERM)
            send(signal.SIGCHLD)
            disturbed = False
            steps.raise_if_interrupted()
        assert not disturbed
        assert signal.getsignal(signal.SIGCHLD) is complain
        with (
            pytest.raises(RuntimeError, match="a child has died"),
            InterruptibleSteps(CTRL_C_AND_SIGTERM),
        ):
            send(signal.SIGCHLD)
    finally:
        signal.signal(signal.SIGCHLD, before)
