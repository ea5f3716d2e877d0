"""Kernels in C for what lies between the matrix products of a recorded step.

PyTorch calls a kernel for each operation, which for a small net costs more than its work: the loss
of a classifier and its gradient are thirty calls on a few hundred numbers. Here runs of operations
that are known are done by one call each. Matrix products and convolutions stay PyTorch's.

It is optional: without a C compiler at installation, or with ``LATIH_NATIVE=0`` in the environment,
the recorded operations are called one by one; the results differ in how they are rounded.

:mod:`~latih.engine.capture.native.library` loads the kernels,
:mod:`~latih.engine.capture.native.template` finds operations that do what a kernel does,
:mod:`~latih.engine.capture.native.fused` puts the kernel in their place, and
:mod:`~latih.engine.capture.native.fusion` does so for all that is known, a file for each.
"""

from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.fusion import fused
from latih.engine.capture.native.library import available, why_not

__all__ = ["Fused", "available", "fused", "why_not"]
