"""Every function of ``latih.ops`` against that of the same name in ``keras.ops``.

The same arguments, and the same numbers, shapes, types and gradients.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih import ops

pytestmark = [  # of Keras's own doing
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Tensor.T is deprecated"),
    pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors"),
]

dice = np.random.default_rng(7)
A = dice.normal(size=(3, 4)).astype("float32")
B = dice.normal(size=(3, 4)).astype("float32")
P = dice.uniform(0.1, 0.9, size=(3, 4)).astype("float32")
C = dice.normal(size=(2, 3, 4)).astype("float32")
S = (A[:, :3] @ A[:, :3].T + 3 * np.eye(3)).astype("float32")
V = np.array([3.0, 1.0, 2.0], "float32")
W = np.array([[1, -2, 3], [4, 0, -6]], "int32")
N = np.array([5, 2, 9], "int64")
T = np.array([True, False, True])
D = A.astype("float64")
H = A.astype("float16")
CLASSES = np.array([1, 0, 3])
SEGMENTS = np.array([0, 1, 0])


class Call:
    """The arguments of one call."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs


def each(*values: Any) -> list[Call]:
    return [Call(value) for value in values]


ANY = each(A, C, W, N, D, H, 2, -1.5, [1, -2], [1.0, -2.0])
FLOATS = each(A, C, D, W, N, 2, [0.5, -2.0])
UNIT = each(P, P.astype("float64"), 0.5, [0.25, 0.5])
PAIRS = [
    *(Call(A, B), Call(A, 2), Call(2.5, A), Call(W, 2), Call(W, 2.5), Call(W, W[0]), Call(W, N)),
    *(Call(D, A), Call(A, N[0]), Call([1.0, 2.0], [3, 4]), Call(3, 2), Call(H, 0.5), Call(N, V)),
]
AXES = [
    *(Call(A), Call(A, axis=0), Call(A, axis=-1, keepdims=True), Call(C, axis=(0, 2))),
    *(Call(C, keepdims=True), Call(W), Call(W, axis=1), Call(N), Call(D), Call([1.0, 2.0])),
]
PLACES = [Call(A), Call(A, axis=0), Call(A, axis=-1), Call(W, axis=1), Call(N), Call(T)]
LOGITS = [Call(A), Call(A, axis=0), Call(C, axis=(0, 2)), Call(C, axis=None)]

CASES: dict[str, list[Call]] = {
    # arithmetic
    **{n: PAIRS for n in ("add", "subtract", "multiply", "divide", "true_divide", "maximum")},
    **{n: PAIRS for n in ("minimum", "floor_divide")},
    # Here Keras makes a number of Python 32 bits wide beside 16.
    **{n: [c for c in PAIRS if c.args[0] is not H] for n in ("logaddexp", "arctan2", "hypot")},
    "mod": [*PAIRS, Call(W, -3), Call(T, T[:1])],
    "power": [Call(P, 2), Call(P, B), Call(2, A), Call(W, 2), Call(N, 2.5), Call(P, 0.5)],
    "divide_no_nan": [Call(A, B), Call(A, np.array([0, 1, 0, 2], "float32")), Call(1, 0)],
    **{n: ANY for n in ("absolute", "abs", "negative", "sign", "square", "trunc", "round")},
    "reciprocal": each(A, D, [0.5, 2.0]),
    "clip": [Call(A, -0.5, 0.5), Call(W, 0, 3), Call([1.0, 5.0], 2, 3), Call(A, B[0], B[0] + 1)],
    "nan_to_num": [Call([np.nan, np.inf, -np.inf, 1.0]), Call([np.nan, np.inf], 1.0, 2.0, 3.0)],
    **{n: each(A + 1j * B) for n in ("real", "imag", "conjugate")},
    **{n: UNIT + each(W + 7, 3) for n in ("sqrt", "rsqrt", "log", "log2", "log10", "log1p")},
    **{n: UNIT for n in ("arcsin", "arccos", "arctanh", "erfinv")},
    **{n: FLOATS for n in ("exp", "exp2", "expm1", "sin", "cos", "tan", "arctan")},
    # Of 64 bits Keras makes 32 in these two.
    **{n: [c for c in FLOATS if c.args[0] is not D] for n in ("floor", "ceil")},
    **{n: FLOATS for n in ("sinh", "cosh", "tanh", "arcsinh", "erf")},
    "arccosh": each(P + 1, 2),
    # comparison
    **{n: PAIRS for n in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")},
    "isclose": [
        Call(A, A + 1e-9),
        Call(A, B),
        Call(W, 1),
        Call([np.nan], [np.nan], equal_nan=True),
    ],
    **{n: each(A, W, [np.nan, np.inf, 1.0]) for n in ("isfinite", "isinf", "isnan")},
    **{n: [Call(T, ~T), Call(W, W > 0), Call(A, 0)] for n in ("logical_and", "logical_or")},
    "logical_xor": [Call(T, ~T), Call(W, 1)],
    "logical_not": each(T, W, A),
    "where": [Call(A > 0, A, B), Call(T, 1, 0.5), Call(T, V, 0), Call(W > 0, W, 0.0)],
    "nonzero": each(W, T),
    "in_top_k": [Call(CLASSES[:3], P, 2), Call([0, 0], [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], k=1)],
    # conversion
    "convert_to_tensor": [
        *ANY,
        Call(T),
        Call([True]),
        Call([1, 2.5]),
        Call(A, "int32"),
        Call(2**40),
    ],
    "array": [*ANY, Call(A, "float64")],
    "convert_to_numpy": ANY,
    "is_tensor": each(A, [1.0]),
    "copy": each(A, W),
    "cast": [Call(A, "int32"), Call(W, "float32"), Call(A, "bool"), Call([1.7, -1.7], "int8")],
    "saturate_cast": [Call(A * 300, "uint8"), Call(W, "bool")],
    "shape": each(A, C),
    "ndim": each(A, C),
    "size": each(A, C),
    "stop_gradient": each(torch.tensor(A)),
    # reductions
    **{n: AXES for n in ("mean", "var", "std", "logsumexp", "median")},
    # Of all axes Keras keeps none in these, against what it documents.
    **{
        n: [*(c for c in AXES if "axis" in c.kwargs or not c.kwargs), Call(T)]
        for n in ("sum", "prod", "all", "any")
    },
    **{
        n: [c for c in AXES if "axis" in c.kwargs or not c.kwargs]
        for n in ("max", "min", "amax", "amin", "ptp")
    },
    "average": [Call(A), Call(A, axis=1, weights=P), Call(W, axis=0)],
    "quantile": [Call(A, 0.3), Call(C, [0.2, 0.7], axis=1), Call(C, 0.5, (0, 2), keepdims=True)],
    "count_nonzero": [Call(W), Call(W, axis=0), Call(T)],
    "argmax": [*PLACES, Call(A, 1, True)],
    "argmin": PLACES,
    "argsort": PLACES[1:],
    "sort": [Call(A), Call(A, axis=0), Call(W, axis=None)],
    "top_k": [Call(A, 2), Call(W, 1, sorted=True)],
    "searchsorted": [Call(np.sort(V), V), Call(np.sort(V), V, "right")],
    "digitize": [Call(V, np.array([1.0, 2.0], "float32")), Call(W, np.array([0, 2]))],
    **{n: [Call(A), Call(A, axis=0), Call(W, axis=1), Call(T)] for n in ("cumsum", "cumprod")},
    "diff": [Call(A), Call(A, 2, 0), Call(W)],
    "bincount": [
        Call(CLASSES),
        Call(CLASSES, weights=V),
        Call(CLASSES, minlength=6),
        Call(abs(W), minlength=7),
    ],
    "segment_sum": [
        Call(A, SEGMENTS),
        Call(A, 2 * SEGMENTS, num_segments=4),
        Call(W, SEGMENTS[1:]),
    ],
    "segment_max": [Call(A, SEGMENTS), Call(W, SEGMENTS[1:], num_segments=2)],
    # shaping
    "reshape": [Call(A, (4, 3)), Call(A, (2, -1)), Call(A, -1)],
    "ravel": each(A, C),
    "transpose": [Call(A), Call(C), Call(C, (1, 0, 2))],
    "expand_dims": [Call(A, 0), Call(A, -1), Call(A, (0, 2))],
    "squeeze": [Call(A[None]), Call(A[None, :, None], 0), Call(A[None, :, None], (0, 2))],
    "concatenate": [Call([A, B]), Call([A, B], -1), Call([W, W + 0.5], 1)],
    "stack": [Call([A, B]), Call([A, B], -1), Call([1, 2.5]), Call([V, N])],
    **{n: [Call([A, B]), Call([V, V])] for n in ("hstack", "vstack")},
    "append": [Call(A, B), Call(A, B, 0)],
    "unstack": [Call(A), Call(A, axis=1), Call(A, 3)],
    "split": [Call(A, 2, 1), Call(A, [1, 3], 1), Call(C, 2)],
    "tile": [Call(A, 2), Call(A, (2, 3)), Call(V, (2, 1))],
    "repeat": [Call(A, 2), Call(A, 2, 1), Call(V, np.array([1, 2, 3]), 0)],
    "flip": [Call(A), Call(A, 0), Call(C, (0, 2))],
    "roll": [Call(A, 1), Call(A, 1, 1), Call(A, (1, 2), (0, 1))],
    "rot90": [Call(A), Call(A, 3)],
    "moveaxis": [Call(C, 0, -1), Call(C, (0, 1), (1, 0))],
    "swapaxes": [Call(C, 0, 2)],
    "broadcast_to": [Call(V, (2, 3)), Call(A[None], (2, 3, 4))],
    "pad": [
        *(Call(A, ((1, 2), (0, 1))), Call(A, ((1, 1), (1, 1)), "reflect")),
        Call(A, ((1, 1), (0, 0)), constant_values=7),
    ],
    "meshgrid": [Call(V, V[:2]), Call(V, V[:2], indexing="ij")],
    "get_item": [Call(A, 1), Call(A, (slice(None), 0)), Call(A, (..., slice(0, 2)))],
    "take": [Call(A, [2, 0]), Call(A, [[1, -1]], 0), Call(A, 1, 1), Call(C, [1], axis=-2)],
    "take_along_axis": [Call(A, np.argsort(A), -1), Call(A, [[0], [1], [-1]], 1), Call(A, [3, 4])],
    "slice": [Call(A, (0, 1), (2, 3))],
    "slice_update": [Call(A, (0, 1), B[:2, :3])],
    "scatter": [Call([[0], [2], [0]], V, (4,)), Call([[0, 1]], [2.0], (2, 2))],
    "scatter_update": [Call(A, [[0, 1], [2, 2]], [5.0, 6.0]), Call(V, [[1]], [9])],
    # creation
    **{n: [Call((2, 3)), Call(3), Call((2,), "int32"), Call(())] for n in ("zeros", "ones")},
    "full": [Call((2, 3), 1.5), Call((2,), 3), Call((2, 3), V), Call((2,), 1, "int32")],
    **{n: [Call(A), Call(W), Call(A, "int32")] for n in ("zeros_like", "ones_like")},
    "full_like": [Call(A, 2), Call(W, 2), Call(A, 2, "int32")],
    "arange": [
        Call(5),
        Call(1, 5),
        Call(1, 5, 2),
        Call(2.0),
        Call(0, 1, 0.25),
        Call(3, dtype="float32"),
    ],
    "linspace": [
        *(Call(0, 1, 5), Call(0.0, 2.0, 4, endpoint=False), Call(V, V + 1, 3), Call(1, 2, 1)),
        Call(0, 10, 3, dtype="int32"),
    ],
    "eye": [
        Call(3),
        Call(2, 4),
        Call(3, 3, 1),
        Call(3, 4, -1),
        Call(3, 2, 1),
        Call(2, dtype="int32"),
    ],
    "identity": [Call(3), Call(2, "int32")],
    "tri": [Call(3), Call(2, 3, 1)],
    **{n: [Call(A), Call(C, 1), Call(W, -1)] for n in ("tril", "triu")},
    "diag": [Call(V), Call(V, 1), Call(A), Call(A, -1)],
    "diagonal": [Call(A), Call(C, 1, 1, 2)],
    "one_hot": [
        *(Call(CLASSES, 4), Call([[0], [2]], 3), Call([1, -1], 3), Call(CLASSES, 4, axis=0)),
        *(Call([[0, 1]], 3, axis=1), Call([0], 2, dtype="int32")),
    ],
    "multi_hot": [Call([0, 2], 4), Call([[0, 2], [1, 1]], 4)],
    # linear algebra
    "matmul": [Call(A, B.T), Call(C, A.T), Call(V, S), Call(W, W.T), Call(D, B.T), Call(W, A)],
    "dot": [Call(A, B.T), Call(V, V), Call(C, A.T), Call(2.0, A), Call(W, W.T)],
    "tensordot": [Call(A, B.T, 1), Call(A, B, 2), Call(C, A, ((1, 2), (0, 1)))],
    "einsum": [Call("ij,ij->i", A, B), Call("bij,kj->bik", C, A), Call("ii", S)],
    **{n: [Call(V, V), Call(N, V)] for n in ("outer", "inner", "vdot")},
    "cross": [Call(S, S.T, axis=1), Call(S, S.T, axis=0)],
    "trace": [Call(S), Call(C, 1, 1, 2), Call(W)],
    **{n: each(S) for n in ("inv", "det", "cholesky", "logdet", "slogdet")},
    "pinv": each(A),
    **{n: [Call(S, V[:, None]), Call(S, S)] for n in ("solve",)},
    "solve_triangular": [Call(np.tril(S), V[:, None], lower=True), Call(np.triu(S), S)],
    "norm": [
        Call(A),
        Call(A, axis=1),
        Call(A, "fro"),
        Call(A, 1, 0, True),
        Call(A, np.inf, axis=1),
    ],
    # neural
    **{n: each(A, C, [0.5, -2.0]) for n in ("relu", "relu6", "leaky_relu", "elu", "selu", "celu")},
    **{n: each(A, C, [0.5, -2.0]) for n in ("gelu", "silu", "swish", "sigmoid", "log_sigmoid")},
    **{n: each(A, C) for n in ("hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "softsign")},
    **{n: each(A, C) for n in ("tanh_shrink", "softplus", "squareplus", "sparse_plus")},
    "sparse_sigmoid": each(A),
    "mish": [],  # keras.ops has none: its activation is the oracle, below
    "glu": [Call(A), Call(C, 0)],
    **{n: [Call(A), Call(A, 0.2)] for n in ("hard_shrink", "soft_shrink")},
    "threshold": [Call(A, 0.2, -1.0)],
    **{n: LOGITS for n in ("softmax", "log_softmax")},
    "binary_crossentropy": [
        Call((A > 0).astype("float32"), P),
        Call((A > 0).astype("float32"), A, from_logits=True),
    ],
    "categorical_crossentropy": [
        Call(P, P[::-1].copy()),
        Call(P, A, from_logits=True),
        Call(P, A, True, 0),
    ],
    "sparse_categorical_crossentropy": [
        *(Call(CLASSES, P), Call(CLASSES[:, None], P), Call(CLASSES, A, from_logits=True)),
        Call([0, 1, 2, 0], P, axis=0),
    ],
    "psnr": [Call(P, P[::-1].copy(), 1.0)],
    "moments": [Call(A, 0), Call(C, (0, 1), keepdims=True)],
    "batch_normalization": [Call(A, B[0], P[0], -1), Call(A, B[:, 0], P[:, 0], 0, V, V, 1e-2)],
    "layer_normalization": [Call(A), Call(A, P[0], B[0], -1, 1e-3)],
    "rms_normalization": [Call(A), Call(A, P[0], -1, 1e-3)],
    "normalize": [Call(A), Call(A, 0), Call(A, order=1), Call(np.zeros((1, 2), "float32"))],
}
ELSEWHERE = {
    # What is compared in tests of its own.
    *("empty", "dtype", "qr", "svd", "eigh", "mish"),
    *("cond", "switch", "while_loop", "fori_loop", "map", "vectorized_map"),
}
# Where Keras's way of taking the gradient is another one at a tie, or its own tensor has none.
NO_GRADIENT = {
    "floor_divide",
    "sort",
    "top_k",
    "median",
    "quantile",
    "clip",
    "norm",
    "round",
    "pinv",
}


def on_tensors(value: Any) -> Any:
    if isinstance(value, list | tuple) and any(isinstance(v, np.ndarray) for v in value):
        return [on_tensors(v) for v in value]
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def results(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def told(value: Any) -> tuple[Any, ...]:
    """The numbers, the type and the shape of a result, or what else it is."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy(), str(value.dtype), tuple(value.shape)
    return np.asarray(value), type(value).__name__, ()


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]])
def test_a_function_has_keras_numbers_types_and_shapes(name: str) -> None:
    for call in CASES[name]:
        args = [on_tensors(value) for value in call.args]
        kwargs = {argument: on_tensors(value) for argument, value in call.kwargs.items()}
        ours = results(getattr(ops, name)(*args, **kwargs))
        theirs = results(getattr(keras.ops, name)(*args, **kwargs))
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            numbers, kind, shape = told(one)
            wanted, wanted_kind, wanted_shape = told(other)
            given = f"{call.args}, {call.kwargs}"
            # Of 64 bits Keras makes 32 in some functions and in others not; Latih keeps them.
            assert kind.replace("64", "32") == wanted_kind.replace("64", "32"), given
            assert shape == wanted_shape, given
            loose = 1e-2 if numbers.dtype == np.float16 else 2e-5
            np.testing.assert_allclose(numbers, wanted, rtol=loose, atol=loose / 10, err_msg=given)


def slopes(function: Callable[..., Any], call: Call) -> list[np.ndarray] | None:
    args = [
        torch.tensor(a, requires_grad=True)
        if isinstance(a, np.ndarray) and a.dtype == np.float32
        else a
        for a in call.args
    ]
    leaves = [a for a in args if isinstance(a, torch.Tensor)]
    outputs = [
        out
        for out in results(function(*args, **call.kwargs))
        if isinstance(out, torch.Tensor) and out.requires_grad
    ]
    if not leaves or not outputs:
        return None
    total = sum(
        (out * torch.linspace(0.5, 1.5, out.numel()).reshape(out.shape)).sum() for out in outputs
    )
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [np.zeros(()) if g is None else g.numpy() for g in found]


@pytest.mark.parametrize("name", [name for name in CASES if name not in NO_GRADIENT])
def test_a_function_has_keras_gradients(name: str) -> None:
    for call in CASES[name]:
        ours = slopes(getattr(ops, name), call)
        theirs = slopes(getattr(keras.ops, name), call)
        assert (ours is None) == (theirs is None)
        for one, other in zip(ours or [], theirs or [], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_every_function_is_tried() -> None:
    shown = {n for n, thing in vars(ops).items() if callable(thing) and not n.startswith("_")}
    assert shown == {*CASES, *ELSEWHERE}


@pytest.mark.parametrize(
    "name",
    [n for n in {**CASES, **dict.fromkeys(sorted(ELSEWHERE))} if n not in ("mish", "multi_hot")],
)
def test_a_function_takes_keras_arguments_in_their_order_with_their_defaults(name: str) -> None:
    ours = list(inspect.signature(getattr(ops, name)).parameters.values())
    theirs = list(inspect.signature(getattr(keras.ops, name)).parameters.values())
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs][: len(ours)]


def test_decompositions_make_up_what_was_decomposed() -> None:
    q, r = ops.qr(A)
    np.testing.assert_allclose(q @ r, A, atol=1e-5)
    u, s, vh = ops.svd(A, full_matrices=False)
    np.testing.assert_allclose(u @ torch.diag(s) @ vh, A, atol=1e-5)
    np.testing.assert_allclose(ops.svd(A, compute_uv=False), np.linalg.svd(A)[1], rtol=1e-5)
    values, vectors = ops.eigh(S)
    np.testing.assert_allclose(vectors @ torch.diag(values) @ vectors.T, S, atol=1e-5)


def test_where_keras_on_torch_falls_short_numpy_is_followed() -> None:
    np.testing.assert_array_equal(ops.pad(A, 1), np.pad(A, 1))
    np.testing.assert_array_equal(ops.pad(A, 2, "symmetric"), np.pad(A, 2, "symmetric"))
    assert ops.saturate_cast(W, "float32").tolist() == W.tolist()
    np.testing.assert_array_equal(ops.pad(A, (1, 2), "edge"), np.pad(A, (1, 2), "edge"))
    np.testing.assert_allclose(ops.average(A, 1, P[0]), np.average(A, 1, P[0]), rtol=1e-5)
    np.testing.assert_allclose(ops.average(A, 0, P), np.average(A, 0, P), rtol=1e-5)
    np.testing.assert_array_equal(ops.cross(np.eye(3), [1, 0, 0]), np.cross(np.eye(3), [1, 0, 0]))
    assert ops.sum(A, keepdims=True).shape == ops.max(A, keepdims=True).shape == (1, 1)
    assert ops.prod(A, keepdims=True).shape == ops.any(A, keepdims=True).shape == (1, 1)


def test_lists_and_arrays_do_as_tensors_do() -> None:
    for name in ("add", "maximum", "matmul", "where"):
        calls = CASES[name]
        for call in calls:
            from_tensors = getattr(ops, name)(*(on_tensors(v) for v in call.args), **call.kwargs)
            assert torch.equal(getattr(ops, name)(*call.args, **call.kwargs), from_tensors)
    assert torch.equal(ops.sum([torch.ones(2), torch.zeros(2)]), torch.tensor(2.0))


def test_loops_and_choices_do_what_keras_do() -> None:
    for k in (latih, keras):
        assert k.ops.cond(True, lambda: 1, lambda: 2) == 1
        assert k.ops.cond(torch.tensor(False), lambda: 1, lambda: 2) == 2
        assert [k.ops.switch(i, [lambda: "a", lambda: "b"]) for i in (-1, 0, 5)] == ["a", "a", "b"]
        assert int(k.ops.fori_loop(1, 4, lambda i, total: total + i, 0)) == 6
        i, total = k.ops.while_loop(lambda i, t: i < 5, lambda i, t: (i + 1, t + i), (0, 0))
        assert (int(i), int(total)) == (5, 10)
        assert int(k.ops.while_loop(lambda i: True, lambda i: i + 2, 0, maximum_iterations=3)) == 6
        np.testing.assert_array_equal(k.ops.map(lambda x: x * 2, torch.tensor([1.0, 2.0])), [2, 4])
        doubled = k.ops.vectorized_map(lambda x: x.sum(), torch.ones(2, 3))
        np.testing.assert_array_equal(doubled, [3, 3])


def test_what_has_no_oracle_by_its_name() -> None:
    np.testing.assert_allclose(ops.mish(A), keras.activations.mish(torch.tensor(A)), rtol=1e-5)
    assert ops.empty((2, 3)).shape == (2, 3)
    assert [ops.dtype(x) for x in (A, W, T)] == [keras.ops.dtype(x) for x in (A, W, T)]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: ops.squeeze(A, 0), "axis of length one"),
        (lambda: ops.split(A, 3, 1), "3 divides"),
        (lambda: ops.max(np.zeros((0, 2))), "at least one number"),
        (lambda: ops.categorical_crossentropy(P, P[:, :2]), "same shape"),
        (lambda: ops.sparse_categorical_crossentropy([0], P), "do not fit"),
        (lambda: ops.pad(A, 1, "wrap"), "`mode` of pad"),
        (lambda: ops.pad(A, 1, "edge", 3), "'constant'"),
        (lambda: ops.convert_to_tensor(A, sparse=True), "dense"),
        (lambda: ops.cast(A, "float31"), "unknown type"),
        (lambda: ops.moments(A, 0, synchronized=True), "synchronized"),
    ],
)
def test_what_cannot_be_done_is_refused(wrong: Callable[[], Any], told: str) -> None:
    with pytest.raises(latih.errors.InputError, match=told):
        wrong()
