"""The floor of a workload: what the bare kernels of its training step take.

Each kernel is called by itself, again and again, on memory that is there already; what they take is
summed. No step that calls the same kernels can be faster, and none is quite as fast: here each
kernel finds its arrays in the cache where its last call left them.

Run as a program, it prints one line of JSON: ``python floor.py WORKLOAD``.
"""

import argparse
import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

os.environ.setdefault("GOMP_SPINCOUNT", "20000")

import torch
import workloads
from workloads import WORKLOADS, Workload

torch.set_flush_denormal(True)

ROUNDS = 5
SECONDS_A_ROUND = 0.02
aten = torch.ops.aten


@dataclass
class Kernel:
    """One call of the step.

    Args:
        part: under what it is summed.
        call: the call.
        idle: the same on one element. A kernel that only ``torch.ops`` reaches costs microseconds
            on the way there; what this takes is subtracted.
        alternatives: other ways to the same numbers; the fastest counts.
    """

    part: str
    call: Callable[[], object]
    idle: Callable[[], object] | None = None
    alternatives: tuple[Callable[[], object], ...] = ()

    def microseconds(self) -> float:
        """Measure it."""
        fastest = min(_microseconds(call) for call in (self.call, *self.alternatives))
        return max(fastest - _microseconds(self.idle), 0.0) if self.idle else fastest


def _microseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    call()
    once = (time.perf_counter() - began) / 2
    calls = max(3, min(5000, int(SECONDS_A_ROUND / once)))
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter() - began) / calls)
    return best * 1e6


# What each layer does to a batch. `needs` says whether the gradient of its input is wanted.


def dense(batch: int, inputs: int, units: int, needs: bool) -> Iterator[Kernel]:
    x, gradient = torch.randn(batch, inputs), torch.randn(batch, units)
    output, bias, bias_gradient = torch.empty(batch, units), torch.zeros(units), torch.zeros(units)
    x_gradient = torch.empty(batch, inputs)
    # Keras's layout, and torch's.
    ours, theirs = torch.randn(inputs, units), torch.randn(units, inputs)
    ours_gradient, theirs_gradient = torch.empty_like(ours), torch.empty_like(theirs)
    transposed, x_transposed, gradient_transposed = theirs.t(), x.t(), gradient.t()
    ours_transposed = ours.t()
    part = "matrix products"
    yield Kernel(
        part,
        lambda: torch.addmm(bias, x, ours, out=output),
        alternatives=(lambda: torch.addmm(bias, x, transposed, out=output),),
    )
    yield Kernel(
        part,
        lambda: torch.mm(x_transposed, gradient, out=ours_gradient),
        alternatives=(lambda: torch.mm(gradient_transposed, x, out=theirs_gradient),),
    )
    if needs:
        yield Kernel(
            part,
            lambda: torch.mm(gradient, ours_transposed, out=x_gradient),
            alternatives=(lambda: torch.mm(gradient, theirs, out=x_gradient),),
        )
    yield Kernel("bias gradients", lambda: torch.sum(gradient, 0, out=bias_gradient))


def convolution(batch: int, channels: int, side: int, filters: int, needs: bool):
    def images(count: int) -> torch.Tensor:
        return torch.randn(batch, count, side, side).to(memory_format=torch.channels_last)

    x, gradient, bias = images(channels), images(filters), torch.zeros(filters)
    weight = torch.randn(filters, channels, 3, 3).to(memory_format=torch.channels_last)
    one, none, mask = [1, 1], [0, 0], [needs, True, True]
    yield Kernel(
        "convolutions",
        lambda: torch.convolution(x, weight, bias, one, one, one, False, none, 1),
    )
    yield Kernel(
        "convolutions",
        lambda: aten.convolution_backward(
            gradient, x, weight, [filters], one, one, one, False, none, 1, mask
        ),
    )


def batch_normalization(x: torch.Tensor) -> Iterator[Kernel]:
    def calls(x: torch.Tensor):
        channels = x.shape[1]
        scale, shift = torch.ones(channels), torch.zeros(channels)
        running_mean, running_variance = torch.zeros(channels), torch.ones(channels)
        gradient, epsilon = torch.randn_like(x), workloads.BATCH_NORMALIZATION_EPSILON
        out = (torch.empty_like(x), torch.empty(channels), torch.empty(channels))
        backward_out = {
            "out0": torch.empty_like(x),
            "out1": torch.empty(channels),
            "out2": torch.empty(channels),
        }
        kept = (running_mean, running_variance)

        def forward():
            return torch.native_batch_norm(x, scale, shift, *kept, True, 0.01, epsilon, out=out)

        def backward():
            return aten.native_batch_norm_backward.out(
                gradient, x, scale, *kept, *out[1:], True, epsilon, [True] * 3, **backward_out
            )

        forward()
        return forward, backward

    forward, backward = calls(x)
    _, idle = calls(torch.randn(2, 1))
    yield Kernel("batch normalisation", forward)
    yield Kernel("batch normalisation", backward, idle)


def activation(name: str, x: torch.Tensor) -> Iterator[Kernel]:
    def backward(x: torch.Tensor) -> Callable[[], object]:
        gradient, into = torch.randn_like(x), torch.empty_like(x)
        if name == "relu":
            return lambda: aten.threshold_backward.grad_input(gradient, x, 0, grad_input=into)
        return lambda: aten.elu_backward.grad_input(gradient, 1, 1, 1, True, x, grad_input=into)

    if name == "relu":
        yield Kernel("activations", lambda: torch.relu_(x))
    else:
        output = torch.empty_like(x)
        yield Kernel("activations", lambda: torch._C._nn.elu(x, out=output))
    yield Kernel("activations", backward(x), backward(torch.randn(1, 1)))


def max_pooling(x: torch.Tensor) -> Iterator[Kernel]:
    output, indices = torch._C._nn.max_pool2d_with_indices(x, [2, 2])
    gradient, into = torch.randn_like(output), torch.empty_like(x)
    two, one, none = [2, 2], [1, 1], [0, 0]
    out = (output, indices)
    yield Kernel("pooling", lambda: torch._C._nn.max_pool2d_with_indices(x, two, out=out))
    yield Kernel(
        "pooling",
        lambda: aten.max_pool2d_with_indices_backward.grad_input(
            gradient, x, two, two, none, one, False, indices, grad_input=into
        ),
    )


def dropout(x: torch.Tensor, rate: float) -> Iterator[Kernel]:
    mask, output = torch.empty_like(x), torch.empty_like(x)
    counter = torch.arange(x.numel(), dtype=torch.int32).view_as(x)
    drawn = torch.empty_like(counter)
    # At the least one multiplication and one comparison an element make a mask.
    yield Kernel("dropout", lambda: torch.mul(counter, 747796405, out=drawn))
    yield Kernel("dropout", lambda: torch.gt(drawn, int(rate * 2**31), out=mask))
    yield Kernel("dropout", lambda: torch.mul(x, mask, out=output))
    yield Kernel("dropout", lambda: torch.mul(x, mask, out=output))


def loss_and_accuracy(batch: int) -> Iterator[Kernel]:
    part, classes = "loss and accuracy", workloads.CLASSES
    logits, log_probabilities = torch.randn(batch, classes), torch.randn(batch, classes)
    labels, guessed = torch.randint(classes, (batch,)), torch.randint(classes, (batch,))
    column, chosen = labels[:, None], torch.empty(batch, 1)
    total, hits, sums = torch.zeros(()), torch.empty(batch, dtype=torch.bool), torch.zeros(())
    yield Kernel(part, lambda: torch.log_softmax(logits, 1, out=log_probabilities))
    yield Kernel(part, lambda: torch.gather(log_probabilities, 1, column, out=chosen))
    yield Kernel(part, lambda: torch.sum(chosen, (0, 1), out=total))
    # The gradient: the probabilities, less one where the label is.
    yield Kernel(part, lambda: torch.exp(log_probabilities, out=logits))
    yield Kernel(part, lambda: logits.scatter_(1, column, chosen))
    yield Kernel(part, lambda: torch.argmax(logits, 1, out=guessed))
    yield Kernel(part, lambda: torch.eq(guessed, labels, out=hits))
    yield Kernel(part, lambda: torch.sum(hits, (0,), dtype=torch.float32, out=sums))


def gathering(workload: Workload) -> Iterator[Kernel]:
    count, batch = workload.images, workload.batch
    x, y = torch.rand(count, *workload.input_shape), torch.zeros(count, dtype=torch.int64)
    batch_x, batch_y = torch.empty_like(x[:batch]), torch.empty_like(y[:batch])
    order = iter(())

    def images():
        nonlocal order
        index = next(order, None)
        if index is None:
            order = iter(torch.randperm(count).split(batch))
            index = next(order)
        torch.index_select(x, 0, index, out=batch_x)

    index = torch.randperm(count)[:batch]
    yield Kernel("gathering batches", images)
    yield Kernel("gathering batches", lambda: torch.index_select(y, 0, index, out=batch_y))


def adam(parameters: int) -> Iterator[Kernel]:
    weights, gradient = [torch.randn(parameters)], [torch.randn(parameters)]
    first, second, step = [torch.randn(parameters)], [torch.rand(parameters)], [torch.ones(())]
    options = {
        "lr": workloads.LEARNING_RATE,
        "beta1": 0.9,
        "beta2": 0.999,
        "weight_decay": 0.0,
        "eps": workloads.ADAM_EPSILON,
        "amsgrad": False,
        "maximize": False,
    }
    yield Kernel(
        "Adam",
        lambda: torch._fused_adam_(weights, gradient, first, second, [], step, **options),
    )


def kernels(workload: Workload) -> Iterator[tuple[tuple, Callable[[], Iterator[Kernel]]]]:
    """Yield what a step calls: what it is and on which shape, and what makes its kernels."""
    batch, side, channels = workload.batch, 28, 1
    flat = (batch, math.prod(workload.input_shape))
    shape: tuple[int, ...] = (batch, 1, 28, 28) if workload.has_convolutions else flat
    parameters, needs = 0, False

    def tensor(shape: tuple[int, ...]) -> torch.Tensor:
        made = torch.randn(shape)
        return made.to(memory_format=torch.channels_last) if len(shape) == 4 else made

    for layer in workload.layers:
        key = (layer, shape, needs)
        match layer:
            case workloads.Dense(units, named):
                yield key, lambda of=(*shape, units, needs): dense(*of)
                parameters += (shape[1] + 1) * units
                shape, needs = (batch, units), True
                if named:
                    yield (named, shape), lambda of=(named, shape): activation(of[0], tensor(of[1]))
            case workloads.Convolution(filters):
                of = (batch, channels, side, filters, needs)
                yield key, lambda of=of: convolution(*of)
                parameters += (9 * channels + 1) * filters
                shape, channels, needs = (batch, filters, side, side), filters, True
            case workloads.BatchNormalization():
                yield key, lambda shape=shape: batch_normalization(tensor(shape))
                parameters, needs = parameters + 2 * shape[1], True
            case workloads.Activation(name):
                yield key, lambda of=(name, shape): activation(of[0], tensor(of[1]))
            case workloads.MaxPooling():
                yield key, lambda shape=shape: max_pooling(tensor(shape))
                side //= 2
                shape = (batch, channels, side, side)
            case workloads.Dropout(rate):
                yield key, lambda of=(shape, rate): dropout(tensor(of[0]), of[1])
            case workloads.Flatten():
                shape = (batch, side * side * channels)
    yield ("loss",), lambda: loss_and_accuracy(batch)
    yield ("gathering",), lambda: gathering(workload)
    yield ("adam",), lambda: adam(parameters)


@torch.inference_mode()
def measure(workload: Workload) -> dict[str, float]:
    """Return the microseconds of each part of one step; what occurs twice is measured once."""
    known: dict[tuple, dict[str, float]] = {}
    parts: dict[str, float] = defaultdict(float)
    for key, make in kernels(workload):
        if key not in known:
            known[key] = defaultdict(float)
            for kernel in make():
                known[key][kernel.part] += kernel.microseconds()
        for part, microseconds in known[key].items():
            parts[part] += microseconds
    return dict(parts)


def figures(workload: Workload) -> dict:
    """Return the microseconds of a step and of its parts on the best number of threads."""
    by_threads = {}
    # Many threads first: torch's pool does not grow again.
    for threads in sorted({torch.get_num_threads(), 1}, reverse=True):
        torch.set_num_threads(threads)
        by_threads[threads] = measure(workload)
    # A training runs on one number of threads: the better one for the whole step.
    threads = min(by_threads, key=lambda number: sum(by_threads[number].values()))
    parts = by_threads[threads]
    return {"microseconds_a_step": sum(parts.values()), "threads": threads, "parts": parts}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    print(json.dumps(figures(WORKLOADS[parser.parse_args().workload])))
