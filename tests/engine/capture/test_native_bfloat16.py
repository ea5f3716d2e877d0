"""Casts and turned operands in bfloat16: to the bit what PyTorch's kernels give."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import latih as keras
from latih import layers
from latih.engine.capture import captured, casts, native
from latih.engine.capture.native import adam, cast, library, transpose
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.recorder import Recorder, plain

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(not native.available(), reason=str(native.why_not())),
]

few = settings(max_examples=30, deadline=None)
aten = torch.ops.aten

SPECIAL = [
    *(0x00000000, 0x80000000, 0x7F800000, 0xFF800000),  # zeros and infinities
    *(0x7FC00000, 0x7F800001, 0xFF800001, 0x7FFF8000, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F80FFFF),  # NaN
    *(0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0xBF808000, 0xBF818000),  # halfway, and near
    *(0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0xFF7FFFFF),  # rounded to infinity, or just not
    *(
        0x00000001,
        0x00008000,
        0x00008001,
        0x00018000,
        0x007FFFFF,
        0x007F8000,
        0x80400000,
    ),  # denormal
]


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(params=[False, True])
def flushing(request):
    was = not (torch.full((1,), 1e-30) * 1e-10).any()
    if not torch.set_flush_denormal(request.param):
        pytest.skip("this processor does not flush denormal numbers")
    yield request.param
    torch.set_flush_denormal(was)


def floats_of(bits):
    return torch.from_numpy(np.asarray(bits, dtype=np.uint32).view(np.float32))


def run(source, result):
    """Cast by the native kernel, as small as the numbers may be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cast, "LEAST", 1)
        operation = cast.cast(source, result)
    assert operation is not None
    operation.call(())()


def assert_same_bits(source, result):
    short = torch.int16 if result.dtype == torch.bfloat16 else torch.int32
    assert torch.equal(result.view(short), source.to(result.dtype).view(short))


def test_all_bfloat16_become_float32(threads, flushing):
    every = torch.from_numpy(np.arange(2**16, dtype=np.uint16).view(np.int16)).view(torch.bfloat16)
    result = torch.full((2**16,), -1.0)
    run(every, result)
    assert_same_bits(every, result)
    back = torch.zeros(2**16, dtype=torch.bfloat16)
    run(result, back)
    assert_same_bits(result, back)
    kept = ~every.isnan()
    assert torch.equal(back.view(torch.int16)[kept], every.view(torch.int16)[kept])


def test_all_upper_halves_with_lower_ones_around_the_middle(threads, flushing):
    upper = np.arange(2**16, dtype=np.uint32) << 16
    for lower in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF):
        source, result = floats_of(upper | lower), torch.zeros(2**16, dtype=torch.bfloat16)
        run(source, result)
        assert_same_bits(source, result)


@pytest.mark.parametrize("place", [0, 5, 63, 64, 1500])
def test_special_numbers_wherever_they_stand(place, flushing):
    bits = np.random.default_rng(place).integers(0, 2**32, 5000, dtype=np.uint32)
    bits[place : place + len(SPECIAL)] = SPECIAL
    source, result = floats_of(bits), torch.zeros(5000, dtype=torch.bfloat16)
    run(source, result)
    assert_same_bits(source, result)


@few
@given(
    count=st.one_of(st.integers(1, 5000), st.integers(65_000, 200_000)),
    before=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    threads=st.integers(1, 3),
    is_longer=st.booleans(),
)
def test_odd_sizes_and_places(count, before, threads, is_longer):
    bits = np.random.default_rng(count).integers(0, 2**32, count + 40, dtype=np.uint32)
    source = floats_of(bits).bfloat16() if is_longer else floats_of(bits)
    source = source[before[0] : before[0] + count]
    around = torch.full((count + 80,), 7.0, dtype=torch.float32 if is_longer else torch.bfloat16)
    result = around[before[1] : before[1] + count]
    was = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        run(source, result)
    finally:
        torch.set_num_threads(was)
    assert_same_bits(source, result)
    assert (around[: before[1]] == 7).all()
    assert (around[before[1] + count :] == 7).all()


def test_results_that_begin_within_an_element():
    source, memory = torch.randn(3000), torch.zeros(6002, dtype=torch.uint8)
    call = library.bind("shorten", 3000, [source, 3000, 0, memory.data_ptr() + 1])
    call()
    got = torch.from_numpy(memory.numpy()[1:6001].copy()).view(torch.bfloat16)
    assert torch.equal(got, source.bfloat16())


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_types_stay_with_pytorch(dtype):
    numbers = torch.zeros(cast.LEAST, dtype=dtype)
    assert cast.cast(numbers, numbers.float()) is None
    assert cast.cast(numbers.float(), numbers) is None


def test_few_numbers_stay_with_pytorch():
    numbers = torch.zeros(cast.LEAST - 1)
    assert cast.cast(numbers, numbers.bfloat16()) is None
    assert cast.cast(torch.zeros(cast.LEAST), torch.zeros(cast.LEAST, dtype=torch.bfloat16))


def test_without_kernels_all_stays_with_pytorch(without_native):
    numbers = torch.zeros(cast.LEAST)
    assert cast.cast(numbers, numbers.bfloat16()) is None


def test_weights_in_one_memory_are_cast_by_one_kernel():
    memory = torch.randn(cast.LEAST + 3)
    weights = memory[:1000].view(10, 100), memory[1000:]
    with Recorder() as recorder:
        first, second = [aten._to_copy(one, dtype=torch.bfloat16) for one in weights]
        doubled = aten.mul(first, 2.0), aten.mul(second, 2.0)
    entries = casts.cast_together(recorder.entries, set())
    assert [one.function for one in entries][:1] == ["shorten"]
    assert len(entries) == 3
    plan = captured.plan_of(recorder.entries, [plain(one) for one in doubled])
    assert list(plan.native_kernels) == ["shorten"]
    for one in (first, second, *doubled):
        one.zero_()
    plan.run()
    for one, weight in zip(doubled, weights, strict=True):
        assert torch.equal(one, weight.bfloat16() * 2)


@few
@given(rows=st.integers(1, 140), columns=st.integers(1, 140), threads=st.integers(1, 3))
def test_rows_become_columns(rows, columns, threads):
    check_transposed(rows, columns, threads)


@pytest.mark.parametrize("shape", [(1, 70_000), (70_000, 1), (512, 512), (1000, 777)])
def test_many_rows_become_columns(shape, threads):
    check_transposed(*shape, threads)


def check_transposed(rows, columns, threads):
    was = torch.get_num_threads()
    torch.set_num_threads(threads)
    x = torch.from_numpy(
        np.random.default_rng(rows).integers(-(2**15), 2**15, (rows, columns), dtype=np.int16)
    )
    around = torch.full((rows * columns + 2,), 7, dtype=torch.int16)
    try:
        library.bind("transpose", x.numel(), [x, rows, columns, around[1:-1]])()
    finally:
        torch.set_num_threads(was)
    assert torch.equal(around[1:-1].view(columns, rows), x.t())
    assert around[0] == around[-1] == 7


SHAPES = [(32, 1024, 1024), (100, 1025, 1030), (256, 600, 1800), (1024, 1024, 1024)]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_operand_is_turned_where_that_gives_the_same_bits(shape):
    rows, columns, outputs = shape
    x, g = torch.randn(rows, columns).relu().bfloat16(), torch.randn(rows, outputs).bfloat16()
    with Recorder() as recorder:
        product = aten.mm(x.t(), g)
    expected = product.clone()
    fused = native.fused(recorder.entries, {product.untyped_storage().data_ptr()})
    names = [one.function for one in fused if isinstance(one, Fused)]
    is_same = transpose.same_bits(*shape, torch.get_num_threads())
    assert names == (["transpose"] if is_same else [])
    product.zero_()
    captured.plan_of(recorder.entries, [plain(product)]).run()
    assert torch.equal(product, expected)


@pytest.mark.parametrize("shape", [(31, 1024, 1024), (64, 512, 512)])
def test_small_products_stay(shape):
    rows, columns, outputs = shape
    x, g = torch.zeros(rows, columns).bfloat16(), torch.zeros(rows, outputs).bfloat16()
    with Recorder() as recorder:
        aten.mm(x.t(), g)
    assert not any(isinstance(one, Fused) for one in native.fused(recorder.entries, set()))


def test_another_order_of_adding_is_noticed(monkeypatch):
    """The trial must fail where the turned operand is added in two halves."""
    whole = torch.mm

    def in_halves(left, right):
        if not left.is_contiguous():
            return whole(left.float(), right.float())
        half = left.shape[1] // 2
        first = whole(left[:, :half].float(), right[:half].float())
        return first + whole(left[:, half:].float(), right[half:].float())

    assert transpose.same_bits.__wrapped__(64, 96, 80, 1)
    monkeypatch.setattr(torch, "mm", in_halves)
    assert not transpose.same_bits.__wrapped__(64, 96, 80, 1)


def trained(way, optimizer):
    """Train a net wide enough for these kernels; return its weights and the plan's kernels."""
    keras.utils.set_random_seed(5)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keras.Sequential(
            [
                keras.Input((20,)),
                layers.Dense(1024, activation="relu"),
                layers.Dense(1100, activation="relu"),
                layers.Dense(5, activation="softmax"),
            ]
        )
        model.compile(optimizer, loss="sparse_categorical_crossentropy", **way)
        draw = np.random.default_rng(1)
        x, y = draw.normal(size=(128, 20)).astype("float32"), draw.integers(0, 5, 128)
        kernels = []
        with pytest.MonkeyPatch.context() as patch:
            plan_of = captured.plan_of

            def spy(*given):
                plan = plan_of(*given)
                kernels.extend(plan.native_kernels)
                return plan

            patch.setattr(captured, "plan_of", spy)
            history = model.fit(x, y, batch_size=32, epochs=2, verbose=0)
    finally:
        keras.config.set_dtype_policy(before)
    return [*model.get_weights(), np.asarray(history.history["loss"])], kernels


@pytest.mark.parametrize("optimizer", ["adam", "adamax"])
def test_a_fit_gives_the_same_bits_with_and_without(optimizer, request):
    by_kernels, names = trained({}, optimizer)
    casts = {"shorten", "lengthen"}
    if optimizer == "adam" and adam.same_bits(torch.get_num_threads()):
        casts = {"shorten"}  # it reads gradients as they are
    assert casts <= set(names) <= {*casts, "transpose"}
    usual, none = trained({"run_eagerly": True}, optimizer)
    assert none == []
    request.getfixturevalue("without_native")
    replayed, none = trained({}, optimizer)
    assert none == []
    for one, other, third in zip(by_kernels, usual, replayed, strict=True):
        assert np.array_equal(one, other)
        assert np.array_equal(one, third)


def test_what_is_not_finite_comes_through_a_step():
    source = torch.zeros(cast.LEAST)
    source[::1000] = math.nan
    source[1::1000] = -math.inf
    with Recorder() as recorder:
        short = aten._to_copy(source, dtype=torch.bfloat16)
        back = aten._to_copy(short, dtype=torch.float32)
    plan = captured.plan_of(recorder.entries, [plain(back)])
    assert list(plan.native_kernels) == ["shorten", "lengthen"]
    back.zero_()
    plan.run()
    assert torch.equal(back.isnan(), source.isnan())
    assert torch.equal(back.nan_to_num(), source.bfloat16().float().nan_to_num())
