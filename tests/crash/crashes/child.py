"""The process that trains: the program, watched, and maybe told when to kill itself.

``python -m crashes.child`` is a whole program; mostly it is forked from one that has imported all.
"""

import json
import os
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from latih.errors import LatihWarning

from .death import Death, Mortal
from .outcome import outcome_of
from .program import VARIANTS, train
from .progress import Notes, Noting, note_writes


@dataclass(frozen=True)
class Life:
    """What a process is to do.

    Args:
        variant: its place in :data:`VARIANTS`.
        place: where the run is kept.
        data: where its data are.
        seed: the global one.
        notes: the file in which it notes its progress.
        slow: how many seconds longer the disk takes for a snapshot.
        death: when it kills itself, if it does.
    """

    variant: int
    place: str
    data: str
    seed: int
    notes: str
    slow: float = 0.0
    death: Death | None = None


def live(life: Life) -> None:
    """Train, and write down what came of it."""
    place = Path(life.place)
    # What a crash leaves is no damage: a resumed run has nothing to warn of.
    warnings.simplefilter("error", LatihWarning)
    notes = Notes(Path(life.notes))
    note_writes(notes, life.slow)
    mortal = Mortal(place, life.death)
    mortal.begin()
    trained = train(
        VARIANTS[life.variant], place, Path(life.data), life.seed, listeners=[Noting(notes)]
    )
    np.savez(place / "outcome.npz", **outcome_of(trained))
    counts = [[call, file, count] for (call, file), count in mortal.counts.items()]
    (place / "calls.json").write_text(json.dumps(counts))


def as_argument(life: Life) -> str:
    """Return a life as the text that this file's command line takes."""
    return json.dumps(asdict(life))


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    asked["death"] = asked["death"] and Death(**asked["death"])
    live(Life(**asked))
    # Python's end is no part of what is tried.
    sys.stdout.flush()
    os._exit(0)
