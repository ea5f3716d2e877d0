"""Whether a record is a true one: its replay must do what was recorded."""

import torch

from latih.engine.capture.plan import Plan
from latih.engine.capture.recorder import Recorder

OF_THE_TENSOR, OF_ALL = 1e-3, 1e-5
"""How far native kernels may be off: this part of a tensor's largest number, and of the largest of
all. Where a batch has next to no variance, or a gradient is nothing but what rounding left, two
kernels differ by a large part of next to nothing."""

OF_THE_NORM = 0.03
"""Or this part of the norm of what the step changed in a tensor: where a sum of millions is next to
nothing, or two in a pool are equal but for rounding, its whole gradient goes another way, and is
seen in a few numbers."""


def flaw(plan: Plan, recorder: Recorder) -> str | None:
    """Do the recorded step again, from where it began; say what is wrong with that, if anything.

    Where nothing is, the numbers of the replay stay; else those of the step that was recorded.

    Args:
        plan: the replay.
        recorder: what recorded the step, which has just been done.
    """
    back = plan.effects.kept()
    wanted = [one.clone() for one in plan.effects.tensors]
    dice = torch.default_generator.get_state()
    recorder.rewind()
    before = [one.clone() for one in plan.effects.tensors] if plan.native_kernels else []
    try:
        plan.run()
    except Exception as error:  # whatever PyTorch's kernels complain of
        told = f"its replay failed ({type(error).__name__}: {str(error).splitlines()[0]})"
    else:
        pairs = list(zip(plan.effects.tensors, wanted, strict=True))
        if plan.native_kernels:
            largest = max((_largest(one) for one in wanted), default=0.0)
            least = OF_ALL * largest
            same = all(
                _is_near(one, other, begun, least)
                for (one, other), begun in zip(pairs, before, strict=True)
            )
        else:
            same = all(_is_same(one, other) for one, other in pairs)
        if same:
            return None
        told = "its replay gave other numbers"
    back()
    torch.default_generator.set_state(dice)
    return told


def _is_same(one: torch.Tensor, other: torch.Tensor) -> bool:
    if not one.is_floating_point():
        return torch.equal(one, other)
    return bool(((one == other) | one.isnan() & other.isnan()).all())


def _is_near(one: torch.Tensor, other: torch.Tensor, before: torch.Tensor, least: float) -> bool:
    if not one.is_floating_point():
        return torch.equal(one, other)
    tolerance = OF_THE_TENSOR * _largest(other) + least
    if torch.allclose(one, other, rtol=0.0, atol=tolerance, equal_nan=True):
        return True
    changed = (other - before).norm()
    return bool(changed.isfinite() and (one - other).norm() <= OF_THE_NORM * changed)


def _largest(tensor: torch.Tensor) -> float:
    """Return the size of the largest number that is finite; 0 where there is none."""
    if not tensor.is_floating_point():
        return 0.0
    return (
        float(torch.nan_to_num(tensor, nan=0.0, posinf=0.0, neginf=0.0).abs().max())
        if (tensor.numel())
        else 0.0
    )
