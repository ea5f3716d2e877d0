"""What of a run's state fits a training that was changed since, where going on is forced."""

from collections.abc import Mapping
from typing import Any

from latih.engine.callback_states import without_watchers
from latih.engine.run_state import build_as, optimizers_of, require_fit
from latih.layers.seeds import seed_state

OF_THE_DATA = ("data", "batch_size", "shuffle", "steps_per_epoch")
"""What decides which examples a step sees."""
OF_THE_SUMS = ("loss", "loss_weights", "metrics", "weighted_metrics", "class_weight")
"""What decides what the running sums mean."""


def what_fits(state: Mapping[str, Any], training: Any) -> dict[str, Any]:
    """Return the state without what belongs to what was changed.

    The weights stay; they fit or are refused. An epoch under way begins anew if it would see other
    examples or measure something else, and what callbacks hold best is then forgotten: it was
    measured otherwise. An optimizer keeps its memory if it has the same slots, and
    the rate and settings that it was given now, if these differ.

    Args:
        state: of the run.
        training: what it shall go on as.

    Raises:
        InputError: the weights do not fit.
    """
    build_as(training.model, state["shapes"])
    require_fit(training.model, state["weights"])
    before, now = state["asked"], training.terms.asked
    changed = {name for name in now if before.get(name) != now[name]}
    fitting: dict[str, Any] = {
        **state,
        "asked": now,
        "circumstances": training.terms.circumstances,
        "threads": training.threads.state_dict(),
    }
    if changed & {*OF_THE_DATA, *OF_THE_SUMS}:
        fitting["position"] = {**state["position"], "steps_done": 0, "logs": None}
        fitting["sums"] = None
    if changed & set(OF_THE_DATA):
        fitting["data"] = None
    if "validation" in changed:
        fitting["validation"] = None
    if changed & {*OF_THE_DATA, *OF_THE_SUMS, "validation"}:
        fitting["callbacks"] = without_watchers(training.callbacks.callbacks, state["callbacks"])
    fitting["optimizers"] = {
        name: kept
        for name, optimizer in optimizers_of(training.model).items()
        if (kept := _fitting(state["optimizers"].get(name), optimizer, "optimizer" in changed))
    }
    # A random layer that is new draws as it would have.
    own = seed_state(training.model)
    fitting["seeds"] = {path: state["seeds"].get(path, new) for path, new in own.items()}
    return fitting


def _fitting(state: Any, optimizer: Any, is_changed: bool) -> dict[str, Any] | None:
    if state is None:
        return None
    shapes = {name: slot.shape for name, slot in state["slots"].items()}
    if optimizer.flat is not None and shapes != {n: s.shape for n, s in optimizer.slots.items()}:
        return None
    if state["scalars"].keys() != optimizer.scalars.keys():
        return None
    return {**state, "rate": None, "settings": {}} if is_changed else state
