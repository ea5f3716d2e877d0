"""A step recorded once and replayed: the same kernels on the same memory, without autograd.

A training step of a small net costs more in deciding what to call than in calling it: PyTorch
builds the graph of gradients, walks it, makes and frees every tensor, and asks at each operation
which kernel is meant. All of that comes out the same at each step. So one step on batches of
each shape is watched as it is done, and from then on its kernels are called one after the other.

:mod:`~latih.engine.capture.recorder` watches, :mod:`~latih.engine.capture.dataflow` leaves out what
need not be done again, :mod:`~latih.engine.capture.native` puts one kernel in the place of several,
:mod:`~latih.engine.capture.casts` one cast in the place of many,
:mod:`~latih.engine.capture.short` leaves gradients in bfloat16 to the optimizer,
:mod:`~latih.engine.capture.memory` says where results go,
:mod:`~latih.engine.capture.calls` finds the cheapest way to call each kernel,
:mod:`~latih.engine.capture.plan` holds the calls and :mod:`~latih.engine.capture.effects` what they
change, and :mod:`~latih.engine.capture.proof` compares the first replay with what was recorded.
:mod:`~latih.engine.capture.captured` says when to record, replay, or do neither,
:mod:`~latih.engine.capture.permission` what may be recorded, which
:mod:`~latih.engine.capture.purity` reads in the code of the user's, and
:mod:`~latih.engine.capture.settings` when a record is true no longer.
"""
