"""When a function of batches is recorded, when replayed, and when neither."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih.data.batches import Batch, ReusedBatch
from latih.engine.capture import calls, casts, dataflow, memory, native, proof
from latih.engine.capture.effects import effects_of, signature_of
from latih.engine.capture.memory import Entrance
from latih.engine.capture.permission import Permission
from latih.engine.capture.plan import GraphedPlan, Plan
from latih.engine.capture.recorder import Operation, Recorder, memories, memory_of, plain
from latih.engine.capture.settings import Settings
from latih.engine.capture.short import ShortCopies
from latih.engine.capture.unread import Unread
from latih.random import Draw
from latih.structures import flatten, map_structure

MOST_SHAPES = 16
"""For how many shapes of batches there is a record; for one more the oldest is forgotten."""

MOST_SEEN = 64
"""How many shapes of batches are remembered, of which a second one is recorded."""


MOST_CHANGES = 1
"""In how many steps the model may change settings of its own: layers start from the first batch."""


class Replay(ReusedBatch):
    """One recorded call: the batch it reads, the plan, and what it returned.

    Args:
        batch: the memory from which it reads its batch.
        plan: what is done.
        returned: what the function returned; tensors in it hold the last replay's numbers.
        seconds: how long the first replay took, with what was asked of it.
    """

    def __init__(self, batch: Batch, plan: Plan, returned: Any, seconds: float) -> None:
        super().__init__(batch)
        self.plan, self.returned, self.seconds = plan, returned, seconds

    def __call__(self, batch: Batch) -> Any:
        """Do it again on another batch of the same shapes."""
        if batch is self.batch:
            self.plan()
            return self.returned
        turned: list[Entrance] = []
        try:
            for own, entrance, given in zip(
                self.tensors, self.plan.entrances, batch.tensors, strict=True
            ):
                if entrance is not None and entrance.takes(given):
                    # Before it turns: who is interrupted amid that must turn it back.
                    turned.append(entrance)
                    entrance.turn_to(given)
                else:
                    own.copy_(given)
            self.plan()
        finally:
            for entrance in turned:
                entrance.turn_back()
        return self.returned


class Captured:
    """A function of batches, recorded once for each shape of batches and replayed after that.

    Args:
        function: what is done to a batch; it returns None, plain numbers, or tensors.
        permission: whether it may be recorded, and whether what was recorded is still true.
    """

    def __init__(self, function: Callable[[Batch], Any], permission: Permission) -> None:
        self.function, self.permission = function, permission
        self.short: ShortCopies | None = None
        """Where it leaves gradients in a shorter type for an optimizer; None for nowhere."""
        self.replays: dict[Any, Replay] = {}
        self.memory: dict[int, Replay] = {}
        """Those that were used last, by how many examples they take: batches may be made there."""
        self.obstacle: str | None = None
        """Why it is done by PyTorch's usual way; None while nothing is in the way."""
        self._settings: Settings | None = None
        self._seen: set[Any] = set()
        self._changes = 0
        self.kernels: dict[int, int] = {}
        """How many kernels the records had, by how many examples their batches have."""

    def __call__(self, batch: Batch) -> Any:
        """Do it to a batch."""
        replay = self.memory.get(batch.size)
        if replay is not None and replay.batch is batch:
            return replay(batch)
        if self.obstacle is not None:
            return self.function(batch)
        shapes = batch.shapes
        replay = self.replays.get(shapes)
        if replay is not None:
            self.memory[batch.size] = replay
            return replay(batch)
        # What comes once (the rest of the data, a single prediction) is not worth a record; but
        # with native kernels all steps shall round alike.
        if shapes not in self._seen and not native.available():
            if len(self._seen) < MOST_SEEN:
                self._seen.add(shapes)
            return self.function(batch)
        if self._settings is None:
            self.obstacle = self.permission.obstacle()
            self.permission.settle()
            self._settings = self.permission.settings()
        if self.obstacle is not None:
            return self.function(batch)
        while len(self.replays) >= MOST_SHAPES:
            self._forget_oldest()
        return self._record(batch, shapes)

    def expect(self, batch: Batch) -> None:
        """Record the next batch of these shapes: one came before, maybe in an earlier process."""
        self._seen.add(batch.shapes)

    def replay_for(self, batch: Batch) -> Replay | None:
        """Return what is replayed for batches of these shapes; None if nothing is."""
        return self.replays.get(batch.shapes)

    def _forget_oldest(self) -> None:
        oldest = self.replays.pop(next(iter(self.replays)))
        if self.memory.get(oldest.batch.size) is oldest:
            del self.memory[oldest.batch.size]

    def refresh(self) -> None:
        """Forget what was recorded if it is true no longer: a setting or a weight was replaced.

        It is asked whenever code of the user's may have run.
        """
        if self.short is not None:
            self.short.distrust()
        if self._settings is not None:
            # A replay does not ask the layers: what they read of a weight may have been written.
            self.permission.settle()
            if not self._settings.hold():
                self.forget()

    def forget(self) -> None:
        """Record anew at the next batch."""
        self.let_go()
        self.kernels.clear()

    def let_go(self) -> None:
        """Give the memory of the records back; batches that come later are recorded anew."""
        self._drop()
        if self.short is not None:
            self.short.let_go()
        self.obstacle = self._settings = None

    def _drop(self) -> None:
        self.replays.clear()
        self.memory.clear()

    @property
    def bytes(self) -> int:
        """How much memory is kept for replays."""
        return sum(replay.plan.bytes for replay in self.replays.values())

    def _record(self, batch: Batch, shapes: Any) -> Any:
        own = batch.copy()
        self.permission.settle()
        with Recorder(Unread().add) as recorder:
            returned = self.function(own)
        if self._settings is not None and not self._settings.hold():
            if self._changes < MOST_CHANGES:
                self._changes += 1
                self._settings = None
                return returned
            self.obstacle = "it changes settings of the model as it runs"
        self.obstacle = recorder.obstacle or self.obstacle
        if self.obstacle is not None:
            self._drop()
            return returned
        kept = map_structure(_kept, returned)
        results = [one for one in flatten(kept) if _is_tensor(one)]
        plan = plan_of(recorder.entries, results, own.tensors, self.short)
        # The replay of the very step that was recorded shows whether the record is a true one. Its
        # numbers stay: native kernels round differently, and a step gives the same bits whether it
        # is the first of its process or not, or a run that is resumed would not go on as it would.
        began = time.perf_counter()
        self.obstacle = proof.flaw(plan, recorder)
        seconds = time.perf_counter() - began
        if self.obstacle is not None:
            self._drop()
            return returned
        self._changes = 0
        self.replays[shapes] = Replay(own, plan, kept, seconds)
        self.kernels[own.size] = len(plan.calls)
        return kept


def plan_of(
    entries: Sequence[Operation | Draw],
    returned: Sequence[torch.Tensor] = (),
    given: Sequence[torch.Tensor] = (),
    short: ShortCopies | None = None,
) -> Plan:
    """Return the plan that does recorded operations again.

    Args:
        entries: what was done, in its order.
        returned: tensors that are read afterwards.
        given: the tensors of the batch to which it was done.
        short: where gradients may be left in a shorter type; None for nowhere.
    """
    wanted = memories(returned)
    made = dataflow.made_by(entries)
    outside = dataflow.touched_by(entries) - made
    entries = dataflow.without_views(entries)
    entries = dataflow.without_constants(entries, made)
    entries = dataflow.without_unused(entries, made, wanted)
    entries = native.fused(entries, wanted)
    entries = casts.cast_together(entries, wanted)
    draws = [entry.again for entry in entries if isinstance(entry, Draw)]
    if short is not None:
        entries, tell = short.put_into(entries, wanted)
        draws.append(tell)
        wanted, outside = wanted | short.memories, outside | short.left
    # Once gradients are born in the optimizer's buffer, that looks as if the step had made it.
    stay = wanted | outside
    entries = memory.gathered_in_place(entries, stay)
    own = memory.brought(entries, stay, calls.brings_memory)
    entries = memory.shared(entries, stay | own)
    entries = memory.with_views_of_its_own(entries, own)
    operations = [entry for entry in entries if isinstance(entry, Operation)]
    views = memory.views_of(operations, own)
    done = [one for one in operations if one.function not in calls.ONLY_MEMORY]
    ended = memory.last_touched(done, own)
    row = [calls.call_of(operation, views) for operation in done]
    for number, over in ended.items():
        row[number] = calls.letting_go(row[number], [view for one in over for view in views[one]])
    on_device = any(one.device.type == "cuda" for entry in operations for one in entry.results)
    kind = GraphedPlan if on_device else Plan
    held = [
        one
        for operation in operations
        for one in (*operation.read, *operation.results)
        if memory_of(one) not in own
    ]
    return kind(
        draws,
        row,
        held,
        effects_of(operations, outside, returned),
        signature_of(operations),
        [entry.function for entry in operations if isinstance(entry, native.Fused)],
        # A graph of a device has the addresses in it.
        [None if on_device else memory.entrance(operations, one, wanted) for one in given],
    )


def _kept(value: Any) -> Any:
    return plain(value) if _is_tensor(value) else value


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)
