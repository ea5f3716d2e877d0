"""One model that crosses over: how it is made, on what it is trained, what is asked of it.

The functions that make models take ``k``, which is ``latih`` or ``keras``, so that both make the
same. Nothing here imports either.
"""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# The nets have a rate of drawing for the files to carry, and draw nothing, so that losses agree.
NEVER = 1e-12

DICE = np.random.default_rng(0)
EXAMPLES = 8
X = DICE.normal(size=(EXAMPLES, 6)).astype("float32")
X2 = DICE.normal(size=(EXAMPLES, 4)).astype("float32")
SEQUENCES = DICE.normal(size=(EXAMPLES, 8, 3)).astype("float32")
IMAGES = DICE.uniform(0, 1, size=(EXAMPLES, 6, 6, 2)).astype("float32")
VOLUMES = DICE.normal(size=(EXAMPLES, 4, 4, 4, 1)).astype("float32")
WORDS = DICE.integers(0, 7, (EXAMPLES, 5)).astype("int32")
LABELS = DICE.integers(0, 3, (EXAMPLES, 1))
Y1 = DICE.normal(size=(EXAMPLES, 1)).astype("float32")
Y2 = DICE.normal(size=(EXAMPLES, 2)).astype("float32")
BITS = DICE.integers(0, 2, (EXAMPLES, 1))

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda k: k.optimizers.SGD(0.05),
    "momentum": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda k: k.optimizers.Adam(0.02),
    "amsgrad": lambda k: k.optimizers.Adam(0.02, amsgrad=True, clipnorm=1.0),
    "adamw": lambda k: k.optimizers.AdamW(0.02, weight_decay=0.01),
    "adamax": lambda k: k.optimizers.Adamax(0.02),
    "nadam": lambda k: k.optimizers.Nadam(0.02),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adagrad": lambda k: k.optimizers.Adagrad(0.1),
    "adadelta": lambda k: k.optimizers.Adadelta(1.0),
    "lion": lambda k: k.optimizers.Lion(0.005),
    "decay": lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.05, 2, 0.7)),
}

TRAINING = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}


@dataclass(frozen=True)
class Case:
    """A model that crosses over.

    Args:
        make: makes it, of the module ``k``.
        x: what it is trained on.
        y: what that should come out as.
        loss: what ``compile`` takes; a function of ``k`` where it is an object.
        optimizer: a key of ``OPTIMIZERS``.
        options: the other arguments of ``compile``.
        batch_size: how many examples a step takes.
        otherwise: what Keras 3.10 does otherwise than later releases, which Latih follows.
    """

    make: Callable[[Any], Any]
    x: Any
    y: Any
    loss: Any
    optimizer: str
    options: Callable[[Any], dict[str, Any]]
    batch_size: int
    otherwise: str

    @property
    def name(self) -> str:
        return self.make.__name__

    def compiled(self, k: Any) -> Any:
        k.utils.clear_session(free_memory=False)
        k.utils.set_random_seed(7)
        model = self.make(k)
        loss = self.loss(k) if callable(self.loss) else self.loss
        model.compile(OPTIMIZERS[self.optimizer](k), loss, **self.options(k))
        return model

    def train(self, model: Any) -> dict[str, list[float]]:
        training = {**TRAINING, "batch_size": self.batch_size}
        history = model.fit(self.x, self.y, **training).history
        return {name: [float(value) for value in values] for name, values in history.items()}

    def ask(self, model: Any) -> dict[str, Any]:
        """Return what a model predicts, and the losses of training it on."""
        return {"predictions": self.predict(model), "losses": self.train(model)}

    def predict(self, model: Any) -> list[Any]:
        predicted = model.predict(self.x, batch_size=EXAMPLES, verbose=0)
        return [np.asarray(one).tolist() for one in _leaves(predicted)]

    # Each of these leaves its files and what they should come out as in a folder.

    def write(self, k: Any, folder: Path) -> None:
        """Train a model and save it; then train on, and write down what came of it."""
        model = self.compiled(k)
        self.train(model)
        model.save(folder / f"{self.name}.keras")
        model.save_weights(folder / f"{self.name}.weights.h5")
        put(folder / f"{self.name}.written.json", self.ask(model))

    def read(self, k: Any, folder: Path, reader: str) -> None:
        """Read a model that was saved and train it on; read its weights alone, too."""
        k.utils.clear_session(free_memory=False)
        model = k.models.load_model(folder / f"{self.name}.keras")
        asked = self.ask(model)
        again = self.compiled(k)
        if not again.built:
            self.predict(again)
        again.load_weights(folder / f"{self.name}.weights.h5")
        asked["predictions of the weights"] = self.predict(again)
        put(folder / f"{self.name}.{reader}.json", asked)


CASES: dict[str, Case] = {}


def case(
    x: Any,
    y: Any,
    loss: Any = "mse",
    optimizer: str = "adam",
    *,
    batch_size: int = 4,
    options: Callable[[Any], dict[str, Any]] = lambda k: {},
    otherwise: str = "",
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Enter what makes a model among the cases."""

    def enter(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        assert make.__name__ not in CASES
        CASES[make.__name__] = Case(make, x, y, loss, optimizer, options, batch_size, otherwise)
        return make

    return enter


def put(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


def described(path: Path) -> dict[str, Any]:
    """Return the config.json of a file."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def _leaves(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        return [structure[key] for key in sorted(structure)]
    return list(structure) if isinstance(structure, list | tuple) else [structure]
