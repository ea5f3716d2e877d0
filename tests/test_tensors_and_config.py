"""Numbers become tensors as Keras takes them; the settings of the process hold and are judged."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih import config
from latih.errors import InputError
from latih.tensors import as_tensor, shape_of

KINDS: dict[str, tuple[Any, torch.dtype]] = {
    "a float": (1.5, torch.float32),
    "a list of floats": ([1.0, 2.0], torch.float32),
    "a double array": (np.zeros(2), torch.float32),
    "a whole number": (3, torch.int64),
    "bytes": (np.zeros(2, "uint8"), torch.uint8),
    "a double tensor": (torch.zeros(2, dtype=torch.float64), torch.float64),
    "a truth": (True, torch.bool),
}


@pytest.mark.parametrize(("value", "kind"), KINDS.values(), ids=KINDS)
def test_a_value_has_the_type_that_weights_can_meet(value: Any, kind: torch.dtype) -> None:
    assert as_tensor(value).dtype == kind
    assert as_tensor(value, torch.float16).dtype == torch.float16


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3)])
def test_shapes_stay(shape: tuple[int, ...]) -> None:
    assert tuple(as_tensor(np.zeros(shape)).shape) == shape


def test_a_float32_array_is_not_copied_not_even_a_read_only_one() -> None:
    array = np.zeros(3, "float32")
    assert as_tensor(array).data_ptr() == array.ctypes.data
    array.flags.writeable = False
    assert as_tensor(array).data_ptr() == array.ctypes.data
    assert not array.flags.writeable


def test_a_read_only_array_is_taken_without_a_warning() -> None:
    # torch warns once a process, so that a process of its own is asked.
    script = (
        "import numpy, warnings; warnings.simplefilter('error');"
        "from latih.tensors import as_tensor; array = numpy.zeros(3, 'float32');"
        "array.flags.writeable = False; as_tensor(array)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_big_endian_array_is_taken() -> None:
    assert as_tensor(np.array([1, 256], ">i4")).tolist() == [1, 256]


def test_the_batch_is_left_open_in_a_shape() -> None:
    assert shape_of(torch.zeros(32, 28, 28)) == (None, 28, 28)
    assert shape_of(torch.zeros(5)) == (None,)


def test_the_fuzz_factor_holds_until_it_is_set_again() -> None:
    assert latih.config.epsilon() == 1e-7
    try:
        config.set_epsilon(1e-3)
        # -log(clip(0, 1e-3, 1 - 1e-3)), as Keras clips.
        loss = latih.losses.sparse_categorical_crossentropy(torch.tensor([0]), [[0.0, 1.0]])
        assert float(loss[0]) == pytest.approx(-np.log(1e-3), rel=1e-3)
    finally:
        config.set_epsilon(1e-7)


@pytest.mark.parametrize("value", [0, -1e-7, float("nan")])
def test_a_fuzz_factor_that_is_not_positive_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="`value` of set_epsilon"):
        config.set_epsilon(value)
    assert config.epsilon() == 1e-7


def test_the_conventions_are_keras_defaults() -> None:
    import keras

    assert config.floatx() == keras.config.floatx()
    assert config.image_data_format() == keras.config.image_data_format()


def test_denormals_are_flushed_on_the_main_thread_and_in_torchs_pool() -> None:
    smallest = torch.full((200_000,), 1.2e-38)
    assert not (smallest * 0.25).any()
