"""A recorded step as a row of calls."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih.engine.capture.effects import Effects
from latih.engine.capture.memory import Entrance

Call = Callable[[], Any]


class Plan:
    """Kernels on memory that stays: one call after the other does the step again.

    Args:
        draws: what fills the memory from which random numbers are made, and whatever else is done
            before a step, and not where a step is only tried.
        calls: what is called, without arguments.
        memory: what must live as long as the plan.
        effects: what is different after the calls.
        signature: what is the same for plans that cost the same.
        native_kernels: names of the native kernels among the calls.
        entrances: for each tensor of the batch where it is read; None where it must be copied.
    """

    def __init__(
        self,
        draws: Sequence[Call],
        calls: Sequence[Call],
        memory: Sequence[torch.Tensor],
        effects: Effects,
        signature: str,
        native_kernels: Sequence[str] = (),
        entrances: Sequence[Entrance | None] = (),
    ) -> None:
        self.draws, self.calls = tuple(draws), tuple(calls)
        self.memory, self.native_kernels = tuple(memory), tuple(native_kernels)
        self.effects, self.signature, self.entrances = effects, signature, tuple(entrances)

    def __call__(self) -> None:
        """Do the step on what lies in the memory now."""
        for draw in self.draws:
            draw()
        self.run()

    @property
    def bytes(self) -> int:
        """How much memory the plan keeps."""
        kept = {one.untyped_storage().data_ptr(): one for one in self.memory}
        return sum(one.untyped_storage().nbytes() for one in kept.values())

    def run(self) -> None:
        """Call the kernels."""
        # Where nothing will ever ask for gradients, PyTorch does not even look for their tape.
        with torch.inference_mode():
            for call in self.calls:
                call()


class GraphedPlan(Plan):
    """A plan on a CUDA device, whose kernels the device starts one after the other by itself.

    It was written after PyTorch's documentation and has not been run: no such device was at hand.
    """

    WARM_UP = 3
    """Runs before the graph is taken: libraries choose their kernels and take memory in them."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._runs = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def run(self) -> None:
        """Start the graph, which is taken after some runs without it."""
        if self._graph is not None:
            self._graph.replay()
            return
        self._runs += 1
        if self._runs <= self.WARM_UP:
            super().run()
            return
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):  # records, and does nothing
            super().run()
        self._graph.replay()
