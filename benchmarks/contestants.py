"""Who is measured, and how a process of each is started."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VENVS = HERE.parent / ".venv"
PYTHONS = {
    "own": sys.executable,
    "peers": str(VENVS / "peers/bin/python"),
    "fastai": str(VENVS / "fastai/bin/python"),
}
"""The environments: the project's, and those that ``make bench-peers-install`` makes."""

TIMEOUT_SECONDS = 180.0
OURS, OURS_BF16, FLOOR = "latih", "latih-bf16", "floor"
SMALL = frozenset({"tiny", "mlp", "mlp256", "chapter", "deep20"})
LARGE = frozenset({"wide", "wide1024", "cnn"})
"""Ways to use a peer that pay for some nets only are tried on those."""


@dataclass(frozen=True)
class Contestant:
    """A peer, on one backend and with one way to use it.

    Args:
        label: what the tables say.
        environment: a key of `PYTHONS`.
        module: its file in ``peers/``.
        arguments: what its command line gets besides the task.
        workloads: those that it runs; None is all.
    """

    label: str
    environment: str
    module: str
    arguments: tuple[str, ...] = ()
    workloads: frozenset[str] | None = None

    @property
    def bf16(self) -> bool:
        """Whether it stands in the table of bfloat16 only."""
        return "--bf16" in self.arguments

    @property
    def keras(self) -> bool:
        """Whether it is Keras."""
        return self.module == "keras"

    def runs(self, workload: str) -> bool:
        """Tell whether it has a part in a workload."""
        return self.workloads is None or workload in self.workloads


CONTESTANTS = {
    OURS: Contestant("Latih", "own", "latih"),
    "flax": Contestant("Flax + optax, epoch in one scan", "peers", "flax"),
    "flax-step": Contestant(
        "Flax + optax, a call a step", "peers", "flax", ("--variant", "step"), LARGE
    ),
    "raw-torch": Contestant("raw torch loop", "peers", "raw_torch"),
    "raw-torch-one-thread": Contestant(
        "raw torch loop, one thread", "peers", "raw_torch", ("--variant", "one-thread"), SMALL
    ),
    "keras-jax": Contestant("Keras on JAX", "peers", "keras", ("--variant", "jax")),
    "keras-jax-5": Contestant(
        "Keras on JAX, steps_per_execution=5", "peers", "keras", ("--variant", "jax,5"), SMALL
    ),
    "keras-tensorflow": Contestant(
        "Keras on TensorFlow", "peers", "keras", ("--variant", "tensorflow")
    ),
    "keras-tensorflow-25": Contestant(
        "Keras on TensorFlow, steps_per_execution=25",
        "peers",
        "keras",
        ("--variant", "tensorflow,25"),
        SMALL,
    ),
    "keras-torch": Contestant("Keras on torch", "peers", "keras", ("--variant", "torch")),
    "skorch": Contestant("skorch", "peers", "skorch"),
    "lightning": Contestant("Lightning", "peers", "lightning"),
    "fastai": Contestant("fastai", "fastai", "fastai"),
    OURS_BF16: Contestant("Latih, mixed_bfloat16", "own", "latih", ("--bf16",)),
    "raw-torch-bf16": Contestant("raw torch loop, autocast", "peers", "raw_torch", ("--bf16",)),
}


def answer(command: list[str]) -> dict[str, Any]:
    """Run a process that answers in one line of JSON; what it could not do, it says in words."""
    try:
        ended = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return {"failed": "timed out"}
    if ended.returncode:
        print(ended.stderr, file=sys.stderr)
        return {"failed": "failed"}
    return json.loads(ended.stdout.splitlines()[-1])


def train(name: str, workload: str, data: Path, *options: str) -> dict[str, Any]:
    """Train a workload in a process of its own, and return its figures."""
    contestant = CONTESTANTS[name]
    command = [
        *(PYTHONS[contestant.environment], "-m", f"peers.{contestant.module}", workload),
        *("--data", str(data), *contestant.arguments, *options),
    ]
    return answer([*command, "--started", repr(time.time())])


def floor(workload: str) -> dict[str, Any]:
    """Measure the bare kernels of a workload in a process of its own."""
    return answer([PYTHONS["own"], "floor.py", workload])
