"""A variable is a parameter of PyTorch, with Keras's face."""

import copy
import pickle
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError
from latih.optimizers.flat import FlatParameters
from latih.variables import Variable, name_scope

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

VALUES: dict[str, tuple[Any, Any]] = {
    "floats": ([1.0, 2.0], None),
    "whole numbers": ([1, 2], None),
    "an array": (np.ones((2, 3), "float32"), None),
    "a number": (2.5, None),
    "another type": ([1, 2], "float32"),
    "64 bits": (0, "int64"),
}


@pytest.mark.parametrize(("value", "dtype"), VALUES.values(), ids=VALUES)
def test_it_holds_what_keras_variable_holds(value: Any, dtype: Any) -> None:
    ours, theirs = (v(value, dtype=dtype, trainable=False) for v in (Variable, keras.Variable))
    assert tuple(ours.shape) == tuple(theirs.shape) and ours.ndim == theirs.ndim
    assert latih.backend.standardize_dtype(ours.dtype) == theirs.dtype
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(value))


@pytest.mark.parametrize(
    "initializer", ["ones", latih.initializers.Ones(), lambda shape, dtype: 1 + torch.zeros(shape)]
)
def test_it_is_filled_by_an_initializer(initializer: Any) -> None:
    assert Variable(initializer, shape=(2, 1)).tolist() == [[1.0], [1.0]]


def test_it_does_not_share_memory_with_what_it_was_made_of() -> None:
    source = np.ones(2, "float32")
    variable = Variable(source)
    source[0] = 5
    taken = variable.numpy()
    variable.assign([7.0, 7.0])
    assert taken.tolist() == [1.0, 1.0]


def test_it_is_assigned_to_in_place() -> None:
    variable = Variable([1.0, 2.0])
    address = variable.data_ptr()
    assert variable.assign([3, 4]).tolist() == [3.0, 4.0]
    assert variable.assign_add([1.0, 1.0]).tolist() == [4.0, 5.0]
    assert variable.assign_sub(torch.ones(2)).tolist() == variable.tolist() == [3.0, 4.0]
    assert variable.data_ptr() == address and variable.requires_grad


def test_what_is_calculated_from_it_is_a_plain_tensor_with_a_gradient() -> None:
    variable = Variable([3.0])
    for made in (variable * 2, variable.value + 1, latih.ops.square(variable)):
        assert type(made) is torch.Tensor and made.requires_grad
    (2 * variable).backward()
    assert variable.grad is not None and variable.grad.tolist() == [2.0]


def test_it_is_frozen_and_thawed() -> None:
    variable = Variable([1.0], trainable=False)
    assert not variable.requires_grad
    variable.trainable = True
    assert variable.trainable and variable.requires_grad
    count = Variable(1)
    count.trainable = True  # whole numbers have no gradient
    assert not count.trainable


def test_names_and_paths() -> None:
    with name_scope("net"), name_scope("dense"):
        variable = Variable(1.0, name="kernel")
    assert (variable.name, variable.path) == ("kernel", "net/dense/kernel")
    variable.name = "other"
    assert variable.name == "other" and "net/dense/kernel" in repr(variable)
    assert Variable(1.0).name != Variable(1.0).name


@pytest.mark.parametrize("again", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_copy_has_memory_of_its_own_and_all_that_was_said(again: Any) -> None:
    variable = Variable([1.0], trainable=False, name="w", path="a/w")
    other = again(variable)
    variable.assign([2.0])
    assert type(other) is Variable and other.tolist() == [1.0] and not other.requires_grad
    assert (other.name, other.path) == ("w", "a/w")


def test_a_module_keeps_it_through_moves_copies_and_states() -> None:
    module = torch.nn.Module()
    module.w = Variable([1.0], name="w")
    module.register_buffer("seen", Variable([2.0], trainable=False))
    assert [type(p) for p in module.parameters()] == [Variable]
    kept = module.w
    module.to(torch.float64)
    assert module.w is kept and kept.dtype == torch.float64
    assert type(copy.deepcopy(module).w) is Variable
    state = module.state_dict()
    assert [type(value) for value in state.values()] == [torch.Tensor, torch.Tensor]
    module.load_state_dict({"w": torch.tensor([5.0]), "seen": torch.tensor([6.0])})
    assert kept.tolist() == [5.0]


def test_it_may_become_a_view_of_a_flat_buffer() -> None:
    variable = Variable([1.0, 2.0])
    flat = FlatParameters([variable])
    flat.values.add_(1)
    assert type(variable) is Variable and variable.tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Variable("zeros"), "`shape`"),
        (lambda: Variable([1.0, 2.0], shape=(3,)), "do not fit"),
        (lambda: Variable([1.0]).assign([1.0, 2.0]), "cannot be assigned to"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        wrong()
