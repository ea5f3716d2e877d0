"""The data of published cases: the recipe itself where it can be had, else what stands in for it.

A data set is found by its name, then by a word of its recipe; whatever else is asked for is made by
:func:`shapes.taught` in the same shape. What is wrong with the data is planted last: by what the
case says of its scaling and corruption, or else by the name of its fault.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import faults
import images
import numpy as np
import shapes
import tables
from data import Array, Data, one_hot, parted, scaled
from words import plain

Case = Mapping[str, Any]

USUAL_TRAINING, USUAL_HELD_BACK = 800, 200
COLOUR_TRAINING, COLOUR_HELD_BACK = 2000, 400
"""So many where the case does not say."""


def data_of(case: Case, seed: int) -> Data:
    """Return the data of a case, with its fault.

    Args:
        case: the case.
        seed: which rows of a larger set, and the random part of what stands in; a published
            recipe that has a seed keeps it.
    """
    told = case.get("dataset") or {}
    made = _in_shape(_maker(told)(case, told, seed), case, told, seed)
    made = _as_told(made, case, told)
    made = faults.planted(made, case, told, seed)
    return made.but(
        y=target_of(made.y, case), y_val=None if made.y_val is None else target_of(made.y_val, case)
    )


def width_of(case: Case) -> int:
    """Return how many numbers the net gives for an example."""
    for layer in reversed(case["architecture"]):
        if layer.get("units") or layer.get("filters"):
            return int(layer.get("units") or layer["filters"])
    return 1


def classes_of(case: Case) -> int:
    """Return how many classes there are; 0 for values, such as those of a regression."""
    if plain(case.get("task")) in ("regression", "autoencoder"):
        return 0
    told = (case.get("dataset") or {}).get("n_classes")
    if told:
        return int(told)
    return 2 if plain(case.get("task")) == "binary" else max(2, width_of(case))


def target_of(y: Array, case: Case) -> Array:
    """Return targets in the form that the net and its loss ask for."""
    width, loss = width_of(case), plain(case.get("loss"))
    if not classes_of(case):
        return np.asarray(y, dtype=np.float32).reshape(len(y), -1)
    if "sparse" in loss:
        return y
    if width == 1 or y.ndim > 1:
        return np.asarray(y, dtype=np.float32).reshape(len(y), -1)
    whole = np.equal(y, np.round(y)).all() and y.min() >= 0 and y.max() < width
    return one_hot(y, width) if whole else np.asarray(y, dtype=np.float32).reshape(-1, 1)


# Where the rows come from

Maker = Callable[[Case, Case, int], Data]


def _counts(told: Case, training: int, held_back: int) -> tuple[int, int]:
    return int(told.get("n_train") or training), int(told.get("n_test") or held_back)


def _in_shape(data: Data, case: Case, told: Case, seed: int) -> Data:
    """Return the data in the shape that the case has, or others if they cannot be."""
    shape = tuple(case.get("input_shape") or ())
    if None in shape or not shape or data.x.shape[1:] == shape:
        return data
    if np.prod(data.x.shape[1:]) != np.prod(shape):
        return _taught(case, told, seed)
    x_val = None if data.x_val is None else data.x_val.reshape(-1, *shape)
    return data.but(x=data.x.reshape(-1, *shape), x_val=x_val)


def _circle(case: Case, told: Case, seed: int) -> Data:
    given = {"n_samples": 1000, "noise": 0.1, "random_state": 1, "factor": shapes.FACTOR}
    given |= _arguments(told, "make_circles")
    count, state = int(given["n_samples"]), int(given["random_state"])
    x, y = shapes.circles(count, given["noise"], state, given["factor"])
    return parted(x, y, _held_back(told, count))


def _blob(case: Case, told: Case, seed: int) -> Data:
    given = {"n_samples": 1000, "centers": 3, "n_features": 2, "cluster_std": 2, "random_state": 2}
    given |= _arguments(told, "make_blobs")
    count, centres = int(given["n_samples"]), int(given["centers"])
    features, state = int(given["n_features"]), int(given["random_state"])
    x, y = shapes.blobs(count, centres, features, given["cluster_std"], state)
    return parted(x, y, _held_back(told, count))


def _moon(case: Case, told: Case, seed: int) -> Data:
    given = {"n_samples": 1000, "noise": 0.1} | _arguments(told, "make_moons")
    count = int(given["n_samples"])
    return parted(*shapes.moons(count, given["noise"], seed), _held_back(told, count))


def _arguments(told: Case, function: str) -> dict[str, float]:
    """Return the numbers that a recipe gives a function of scikit-learn's."""
    call = re.search(rf"{function}\(([^)]*)\)", str(told.get("recipe") or ""))
    pairs = re.findall(r"(\w+)\s*=\s*(-?[\d.]+)", call[1]) if call else []
    return {name: float(value) for name, value in pairs}


def _held_back(told: Case, count: int) -> int:
    return int(told.get("n_test") or round(0.3 * count))


def _grey(case: Case, told: Case, seed: int) -> Data:
    whole = images.digits() if "fashion" not in plain(told.get("name")) else None
    return _images(whole or images.clothes(), case, _counts(told, 8000, 2000), seed)


def _colour(case: Case, told: Case, seed: int) -> Data:
    return _images(images.clothes(), case, _counts(told, COLOUR_TRAINING, COLOUR_HELD_BACK), seed)


def _images(whole: Data, case: Case, counts: tuple[int, int], seed: int) -> Data:
    chosen = images.piece(whole, *counts, seed)
    shape = tuple(case.get("input_shape") or (28, 28, 1))
    assert chosen.x_val is not None
    if len(shape) != 3 and np.prod(shape) != 28 * 28:
        return chosen
    return chosen.but(x=images.shaped(chosen.x, shape), x_val=images.shaped(chosen.x_val, shape))


def _cars(case: Case, told: Case, seed: int) -> Data:
    """Stands in for auto-mpg: 392 cars, nine columns of scales 1..5000, miles a gallon 9..47."""
    generator = np.random.default_rng(0)
    count = 392
    weight = generator.uniform(1600, 5140, count)
    cylinders = np.clip(np.round((weight - 1000) / 500 + generator.normal(size=count) * 0.7), 3, 8)
    displacement = 45 * cylinders + 0.02 * weight + generator.normal(size=count) * 20
    power = 0.4 * displacement + 25 + generator.normal(size=count) * 12
    acceleration = 26 - 0.09 * power + generator.normal(size=count) * 1.5
    year = generator.integers(70, 83, count).astype(float)
    origin = np.eye(3)[np.digitize(weight + generator.normal(size=count) * 500, [2300, 2600])]
    x = np.column_stack([cylinders, displacement, power, weight, acceleration, year, origin])
    miles = 14 + 26 * np.exp(-(weight - 1600) / 1500) + 0.7 * (year - 76) - 0.02 * (power - 100)
    y = np.clip(miles + generator.normal(size=count) * 1.5, 9, 47)
    return parted(x, y, held_back=78)


def _xor(case: Case, told: Case, seed: int) -> Data:
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    times = max(1, int(told.get("n_train") or 4) // 4)
    x = np.tile(corners, (times, 1))
    return Data(x, (x[:, 0] != x[:, 1]).astype(np.int64))


def _curve(function: Callable[[Array], Array]) -> Maker:
    def make(case: Case, told: Case, seed: int) -> Data:
        if classes_of(case):  # a recipe may have the word and mean something else
            return _taught(case, told, seed)
        training, held_back = _counts(told, USUAL_TRAINING, USUAL_HELD_BACK)
        generator = np.random.default_rng(seed)
        least, most = _span(told) or (-1.0, 1.0)
        columns = int(np.prod(case.get("input_shape") or [1]))
        x = generator.uniform(least, most, size=(training + held_back, columns))
        return parted(x.reshape(-1, *(case.get("input_shape") or [1])), function(x), held_back)

    return make


def _table(read: Callable[[], tuple[Array, Array] | None]) -> Maker:
    def make(case: Case, told: Case, seed: int) -> Data:
        found = read()
        if found is None:
            return _taught(case, told, seed)
        order = np.random.default_rng(seed).permutation(len(found[0]))
        x, y = found[0][order], found[1][order]
        return parted(x, y, held_back=int(told.get("n_test") or len(x) // 5))

    return make


def _taught(case: Case, told: Case, seed: int) -> Data:
    training, held_back = _counts(told, USUAL_TRAINING, USUAL_HELD_BACK)
    shape = [int(size or 8) for size in case.get("input_shape") or [8]]
    classes = classes_of(case)
    count, features = training + held_back, int(np.prod(shape))
    x, y = shapes.taught(count, features, max(1, classes or width_of(case)), seed=seed)
    if plain(case.get("task")) == "autoencoder":
        y = x
    elif "multilabel" in plain(case.get("task")):
        y = (y > 0).astype(np.float32)
    elif classes:
        y = y.argmax(axis=1) if classes > 2 else (y[:, 0] > 0).astype(np.int64)
    if any(plain(layer["layer"]) == "embedding" for layer in case["architecture"]):
        x = np.clip(np.round(5 * x + 20), 0, 39)
    return parted(x.reshape(count, *shape), y, held_back)


_NAMES: Mapping[str, Maker] = {
    "atcircle": _circle,
    "atblob": _blob,
    "autompg": _cars,
    "iris": _table(tables.iris),
    "wine": _table(tables.wine),
    "breastcancer": _table(tables.breast_cancer),
    "diabetes": _table(tables.diabetes),
    "digits": _table(tables.digits),
}
_IN_RECIPES: list[tuple[str, Maker]] = [
    (r"cifar|32x32x3", _colour),
    (r"fashion|mnist", _grey),
    (r"make_circles|\bcircles?\b", _circle),
    (r"make_blobs|\bblobs?\b", _blob),
    (r"make_moons|\bmoons\b", _moon),
    (r"auto.?mpg", _cars),
    (r"\bxor\b", _xor),
    (r"\biris\b", _table(tables.iris)),
    (r"\bsin(e)?\b", _curve(np.sin)),
    (r"x\s?(\^|\*\*)\s?4", _curve(lambda x: x**4)),
    (r"x\s?(\^|\*\*)\s?3", _curve(lambda x: x**3)),
    (r"x\s?(\^|\*\*)\s?2|x\s?\*\s?x|\bsquares?\b", _curve(np.square)),
    (r"\blinear\b|y\s?=\s?[\d.]*\s?\*?\s?x", _curve(lambda x: x.sum(axis=-1, keepdims=True))),
]


def _maker(told: Case) -> Maker:
    if (known := _NAMES.get(plain(told.get("name")))) is not None:
        return known
    text = " ".join(str(told.get(key) or "") for key in ("name", "recipe", "stand_in"))
    text = text.replace("_", " ").lower() + " " + text.lower()
    return next((maker for word, maker in _IN_RECIPES if re.search(word, text)), _taught)


_SPAN = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:\.\.|,|to)\s*(-?\d+(?:\.\d+)?)[\])]?")


def _span(told: Case) -> tuple[float, float] | None:
    found = _SPAN.search(str(told.get("recipe") or ""))
    least, most = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    return (least, most) if least < most else None


# How it is scaled


def _as_told(data: Data, case: Case, told: Case) -> Data:
    way = str(told.get("scaled") or "").lower()
    if data.x.dtype == np.uint8:
        return _image_scaled(data, way)
    if _maker(told) is _cars:
        return _car_scaled(data, way)
    if "min-max" in way:
        return scaled(data, "min-max")
    if re.search(r"z-?scor|standardi", way):
        return scaled(data, "z-score")
    return data


def _image_scaled(data: Data, way: str) -> Data:
    assert data.x_val is not None
    divisor = 1.0 if re.search(r"none|raw|0\.\.255", way) else 255.0
    x, x_val = (np.asarray(x, dtype=np.float32) / divisor for x in (data.x, data.x_val))
    if re.search(r"z-?scor|standardi", way):
        return scaled(data.but(x=x, x_val=x_val), "z-score")
    return data.but(x=x, x_val=x_val, y=data.y.astype(np.int64), y_val=data.y_val.astype(np.int64))


def _car_scaled(data: Data, way: str) -> Data:
    least, width = data.y.min(), np.ptp(data.y)
    assert data.y_val is not None
    if "10*mpg" in way or "target raw" in way:
        y, y_val = 10.0 * data.y, 10.0 * data.y_val
    else:
        y, y_val = ((part - least) / width for part in (data.y, data.y_val))
    if "[-1,1]" in way.replace(" ", ""):
        y, y_val = 2 * y - 1, 2 * y_val - 1
    ranges = np.ptp(data.x, axis=0)
    data = data if re.search(r"none|features raw", way) else scaled(data, "min-max")
    if "twice" in way:
        assert data.x_val is not None
        data = data.but(x=data.x / ranges, x_val=data.x_val / ranges)
    return data.but(y=y, y_val=y_val)
