"""A row of numbers for each of many names."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from latih import constraints, initializers, regularizers
from latih.arguments import whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape


class Embedding(Layer):
    """Row ``x`` of a table: a learned vector for each word, category or number of an item.

    It is what a Dense layer without bias makes of one-hot inputs, without ever writing the zeros.

    Args:
        input_dim: how many rows the table has, >= 1: the largest number that may come, plus 1.
        output_dim: how long a vector is, >= 1.
        embeddings_initializer: how the table starts.
        embeddings_regularizer: a penalty on the table.
        embeddings_constraint: where the table is put back after each update.
        mask_zero: only False: there are no layers here that a mask of padding would speak to.
        weights: the table, if it is known; an array or a list of one.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, ...)``, whole numbers from 0 to ``input_dim - 1``, of any type; as float32 they
        are exact up to 2²⁴; out: ``(n, ..., output_dim)``; the table: ``(input_dim, output_dim)``.

    Raises:
        InputError: an argument outside these, or, on a CPU, a number that has no row.

    Example:
        >>> layer = Embedding(3, 2, weights=[[[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]]])
        >>> layer(torch.tensor([2, 0])).detach()
        tensor([[2.0000, 2.1000],
                [0.0000, 0.1000]])

    Reference:
        Bengio et al. 2003, "A Neural Probabilistic Language Model", section 2.
    """

    neutral_config = {"quantization_config": None, "lora_rank": None, "lora_alpha": None}
    # `input_dim` is not the base's shape of an example; weights are in the file of weights.
    not_described = Layer.not_described - {"input_dim"} | {"weights"}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("input_length", None)  # Keras 2 had it; it means nothing
        super().__init__(**kwargs)
        # Numbers of rows would not be exact in bfloat16; of the table only what is read is cast.
        self.autocast = False
        self.input_dim = whole(input_dim, "input_dim", "Embedding", least=1)
        self.output_dim = whole(output_dim, "output_dim", "Embedding", least=1)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        if mask_zero:
            raise InputError(
                "`mask_zero` of Embedding cannot be used",
                expected="False: Latih has no recurrent layers, and no masks between layers",
                got=repr(mask_zero),
                fix="Leave it out; row 0 is then a row like the others.",
            )
        self.mask_zero = False
        if weights is not None:
            self._build_with(weights)

    def _build_with(self, weights: Any) -> None:
        shape = (None,)  # the inputs' shape does not matter to the table's
        self.build(shape)
        one_in_a_list = isinstance(weights, Sequence) and len(weights) == 1
        self.set_weights(weights if one_in_a_list else [weights])

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        rows = inputs if inputs.dtype in (torch.int64, torch.int32) else inputs.long()
        try:
            found = F.embedding(rows, self.embeddings)
        except IndexError as error:  # PyTorch looks anyway, so looking first would cost twice
            raise InputError(
                f"{self.name!r} has no row for some of its inputs",
                expected=f"whole numbers from 0 to {self.input_dim - 1}",
                got=f"numbers from {rows.min().item()} to {rows.max().item()}",
                fix="Give input_dim= the largest number plus 1, or correct the data.",
            ) from error
        return found if found.dtype is self._compute_type else found.to(self._compute_type)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        # Keras writes this one of a table even where there is none.
        return {"activity_regularizer": None, **super().get_config()}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return (*input_shape, self.output_dim)
