"""Whether a record is a true one: its replay must do what was recorded."""

import torch

from latih.engine.capture.plan import Plan
from latih.engine.capture.recorder import Recorder

NATIVE_TOLERANCE = 1e-3
"""Of the largest number of a tensor: where a batch has next to no variance, its normalisation
magnifies how two kernels round. What is wrong is wrong by more."""


def flaw(plan: Plan, recorder: Recorder) -> str | None:
    """Do the recorded step again, from where it began; say what is wrong with that, if anything.

    Where nothing is, the numbers of the replay stay; else those of the step that was recorded.

    Args:
        plan: the replay.
        recorder: what recorded the step, which has just been done.
    """
    wanted = [one.clone() for one in plan.effects.memory]
    dice = torch.default_generator.get_state()
    recorder.rewind()
    told: str | None = None
    try:
        plan.run()
    except Exception as error:  # whatever PyTorch's kernels complain of
        told = f"its replay failed ({type(error).__name__}: {str(error).splitlines()[0]})"
    else:
        tolerance = NATIVE_TOLERANCE if plan.native_kernels else 0.0
        pairs = zip(plan.effects.memory, wanted, strict=True)
        if not all(_is_like(one, other, tolerance) for one, other in pairs):
            told = "its replay gave other numbers"
    if told is not None:
        for one, other in zip(plan.effects.memory, wanted, strict=True):
            one.copy_(other)
        torch.default_generator.set_state(dice)
    return told


def _is_like(one: torch.Tensor, other: torch.Tensor, tolerance: float) -> bool:
    if not one.is_floating_point():
        return torch.equal(one, other)
    if not tolerance:
        return bool(((one == other) | one.isnan() & other.isnan()).all())
    finite = other[other.isfinite()].abs()
    scale = float(finite.max()) if finite.numel() else 1.0
    return torch.allclose(one, other, rtol=0.0, atol=tolerance * scale, equal_nan=True)
