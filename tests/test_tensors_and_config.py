"""Numbers become tensors as Keras takes them; the settings of the process hold and are judged."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
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


# What Linux tells of four machines: AMX, AVX512 for bfloat16, neither, and ARM's extension.
MACHINES = [
    ("processor\t: 0\nflags\t\t: fpu avx2 avx512f amx_bf16 amx_tile\n", True),
    ("flags\t\t: avx512_bf16 avx2\n\nflags\t\t: avx2\n", True),
    ("model name\t: with bf16 in its name\nflags\t\t: fpu avx2 avx512f avx_vnni\n", False),
    ("processor\t: 0\nFeatures\t: fp asimd i8mm bf16 dgh\n", True),
    ("", False),
]


@pytest.mark.parametrize(("told", "fast"), MACHINES)
def test_a_cpu_is_fast_in_bfloat16_if_it_has_the_instructions(told: str, fast: bool) -> None:
    assert config.multiplies_bfloat16(config.features_of(told)) is fast


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells it in a file")
def test_pytorch_and_linux_tell_the_same_of_this_cpu() -> None:
    by_linux = config.multiplies_bfloat16(config.features_of(Path("/proc/cpuinfo").read_text()))
    oneapi = torch.backends.mkldnn.is_available()
    assert config.has_fast_bfloat16("cpu") is (by_linux and oneapi)
    assert config.has_fast_bfloat16() is config.has_fast_bfloat16(torch.device("cpu"))


def test_what_cannot_calculate_is_not_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.has_fast_bfloat16("meta") is False
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert config.has_fast_bfloat16("cpu") is False


@pytest.mark.parametrize("supported", [True, False])
def test_a_cuda_device_is_asked_for_what_it_has_itself(
    monkeypatch: pytest.MonkeyPatch, supported: bool
) -> None:
    asked: list[bool] = []

    def is_supported(including_emulation: bool = True) -> bool:
        asked.append(including_emulation)
        return supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    assert config.has_fast_bfloat16("cuda:0") is supported
    assert asked == [False]


def test_denormals_are_flushed_on_the_main_thread_and_in_torchs_pool() -> None:
    smallest = torch.full((200_000,), 1.2e-38)
    assert not (smallest * 0.25).any()


@pytest.mark.parametrize("given", [None, "COMPATIBLE"])
def test_products_are_told_to_round_alike_where_intel_does_not_see_to_it(given: str | None) -> None:
    processor = Path("/proc/cpuinfo")
    kept = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
    code = "import os, latih; print(os.environ.get('MKL_CBWR'))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=kept if given is None else {**kept, "MKL_CBWR": given},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    known = processor.read_text(encoding="utf-8") if processor.is_file() else "GenuineIntel"
    assert told == (given or ("None" if "GenuineIntel" in known else "AUTO"))
