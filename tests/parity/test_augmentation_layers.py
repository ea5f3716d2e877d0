"""Augmentation layers against Keras's: the same change for the same draw, and draws as likely."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import latih
from latih import layers
from latih.errors import InputError
from latih.layers.augmentation.affine import FILL_MODES, INTERPOLATIONS, affine_transform
from latih.layers.augmentation.base import Augmentation
from latih.layers.augmentation.cutmix import Boxes

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

few = settings(max_examples=10)
formats = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
sides = st.integers(1, 7)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "RandomFlip": {},
    "RandomRotation": {"factor": (-0.1, 0.4)},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (-0.1, 0.5)},
    "RandomZoom": {"height_factor": (-0.4, 0.2), "width_factor": 0.5},
    "RandomCrop": {"height": 3, "width": 4},
    "RandomContrast": {"factor": 0.4},
    "RandomBrightness": {"factor": (-0.1, 0.4)},
    "MixUp": {"alpha": 0.3},
    "CutMix": {"factor": (0.2, 0.9)},
}
each = pytest.mark.parametrize("name", ARGUMENTS)


def pair_of(name: str, /, **arguments: Any) -> tuple[Any, Any]:
    arguments = {**ARGUMENTS[name], "seed": 5, **arguments}
    return getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)


def images_of(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32))


def batch(data_format: str, seed: int = 0) -> torch.Tensor:
    shape = (6, 7, 5, 3) if data_format == "channels_last" else (6, 3, 7, 5)
    return images_of(*shape, seed=seed)


def assert_same(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-3) -> None:
    # The images' numbers go to 255: a thousandth is a few parts in a million of them.
    np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=rtol, atol=atol)


def test_every_augmentation_layer_is_compared() -> None:
    family = {cls.__name__ for cls in layers.LAYERS.classes if issubclass(cls, Augmentation)}
    assert family == set(ARGUMENTS)


# The same change for the same draw


@few
@given(height=sides, width=sides, seed=st.integers(0, 999))
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_any_affine_map_reads_the_pixels_that_keras_reads(
    fill_mode: str, interpolation: str, height: int, width: int, seed: int
) -> None:
    images = images_of(3, height, width, 2, seed=seed)
    matrices = torch.from_numpy(np.random.default_rng(seed).normal(size=(3, 6)) * 1.5).float()
    matrices[:, [2, 5]] *= 5  # far outside too
    wanted = keras.ops.image.affine_transform(
        images, torch.nn.functional.pad(matrices, (0, 2)), interpolation, fill_mode, 7.0
    )
    assert_same(affine_transform(images, matrices, interpolation, fill_mode, 7.0), wanted)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_ties_and_edges_are_read_as_keras_reads_them(fill_mode: str, interpolation: str) -> None:
    images = images_of(17, 3, 4, 1)
    matrices = torch.tensor([[1.0, 0.0, (i - 8) / 2, 0.0, 1.0, (8 - i) / 4] for i in range(17)])
    wanted = keras.ops.image.affine_transform(
        images, torch.nn.functional.pad(matrices, (0, 2)), interpolation, fill_mode, 7.0
    )
    assert_same(affine_transform(images, matrices, interpolation, fill_mode, 7.0), wanted, 1e-6)


def keras_rotation(theirs: Any, angles: torch.Tensor, images: torch.Tensor) -> dict[str, Any]:
    zeros, ones = torch.zeros_like(angles), torch.ones_like(angles)
    height, width = images.shape[1:3] if theirs.data_format == "channels_last" else images.shape[2:]
    matrix = theirs._compute_affine_matrix(
        *(0.5, 0.5, angles, zeros, zeros, ones, zeros, zeros, height, width)
    )
    return {"rotation_matrix": matrix}


# What was drawn, as Keras's layer of the same name has it.
AS_KERAS: dict[str, Callable[[Any, Any, torch.Tensor], Any]] = {
    "RandomFlip": lambda _, drawn, __: {"flips": drawn},
    "RandomRotation": keras_rotation,
    "RandomTranslation": lambda _, drawn, __: {"translations": drawn},
    "RandomZoom": lambda _, drawn, __: {"width_zoom": drawn[:, :1], "height_zoom": drawn[:, 1:]},
    "RandomCrop": lambda _, drawn, __: drawn,
    "RandomContrast": lambda _, drawn, __: {"contrast_factor": drawn},
    "RandomBrightness": lambda _, drawn, __: {"rgb_delta": drawn},
    "MixUp": lambda _, drawn, __: {"permutation_order": drawn[0], "mix_weight": drawn[1]},
    "CutMix": lambda theirs, drawn, images: {
        "permutation_order": drawn.order,
        **dict(
            zip(
                ("batch_masks", "mix_weight"),
                theirs._generate_batch_mask(
                    images.shape,
                    (drawn.starts[0], drawn.ends[0], drawn.starts[1], drawn.ends[1]),
                ),
                strict=True,
            )
        ),
    },
}


@formats
@pytest.mark.parametrize("seed", range(3))
@each
def test_what_was_drawn_is_done_as_keras_does_it(name: str, seed: int, data_format: str) -> None:
    ours, theirs = pair_of(name, data_format=data_format, seed=seed)
    images, labels = batch(data_format, seed), torch.eye(6)
    drawn = ours.draw(images)
    as_keras = AS_KERAS[name](theirs, drawn, images)
    assert_same(ours.transform_images(images, drawn), theirs.transform_images(images, as_keras))
    assert_same(
        ours.transform_labels(labels, drawn), theirs.transform_labels(labels, as_keras), atol=1e-6
    )


@formats
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("name", ["RandomRotation", "RandomTranslation", "RandomZoom"])
def test_every_filling_is_keras_filling(
    name: str, interpolation: str, fill_mode: str, data_format: str
) -> None:
    how = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 3.0}
    ours, theirs = pair_of(name, data_format=data_format, **how)
    images = batch(data_format)
    drawn = ours.draw(images)
    as_keras = AS_KERAS[name](theirs, drawn, images)
    assert_same(ours.transform_images(images, drawn), theirs.transform_images(images, as_keras))


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
@formats
def test_every_mirror_is_keras_mirror(mode: str, data_format: str) -> None:
    ours, theirs = pair_of("RandomFlip", mode=mode, data_format=data_format)
    images = batch(data_format)
    drawn = ours.draw(images)
    assert 0 < drawn.sum() < 6
    wanted = theirs.transform_images(images, {"flips": drawn})
    assert torch.equal(ours.transform_images(images, drawn), wanted)


@formats
@pytest.mark.parametrize("size", [(3, 4), (7, 2), (2, 5), (9, 4), (4, 10), (12, 11), (7, 5)])
def test_images_too_small_for_the_window_are_resized_as_in_keras(
    size: tuple[int, int], data_format: str
) -> None:
    ours, theirs = pair_of("RandomCrop", height=size[0], width=size[1], data_format=data_format)
    images = batch(data_format)
    if size != (3, 4):  # which is cut at random
        assert_same(ours(images, training=True), theirs(images, training=True))
    # Outside training Keras documents what its own smart_resize does, and does nothing.
    wanted = keras.preprocessing.image.smart_resize(images, size, data_format=data_format)
    assert_same(ours(images), wanted)
    assert_same(ours(images[0]), wanted[0])
    assert ours.compute_output_shape(tuple(images.shape)) == tuple(wanted.shape)


# Draws as likely

COUNT = 4_000


def numbers_drawn(name: str, drawn: Any) -> np.ndarray:
    """The columns of numbers in what either drew for one batch."""
    if name == "RandomRotation":
        columns = [drawn["angle"] if isinstance(drawn, dict) else drawn]
    elif name == "RandomTranslation":
        columns = (drawn["translations"] if isinstance(drawn, dict) else drawn).T
    elif name == "RandomZoom":
        both = [drawn["width_zoom"], drawn["height_zoom"]] if isinstance(drawn, dict) else drawn.T
        columns = [column.flatten() for column in both]
    elif isinstance(drawn, dict):
        keys = {"flips", "contrast_factor", "rgb_delta", "mix_weight"} & drawn.keys()
        columns = [drawn[key].flatten() for key in keys]
    elif name == "MixUp":
        columns = [drawn[1]]
    else:
        columns = [drawn.weights if name == "CutMix" else drawn.flatten()]
    return np.stack([np.asarray(column, dtype=float) for column in columns])


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Smirnov's distance of two samples, scaled: beyond 2.2 happens by chance once in 8,000."""
    points = np.concatenate([one, other])
    below = [
        np.searchsorted(np.sort(sample), points, side="right") / len(sample)
        for sample in (one, other)
    ]
    scale = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    return float(np.abs(below[0] - below[1]).max() * scale)


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() - {"RandomCrop", "CutMix"}))
def test_draws_are_as_likely_as_keras_draws(name: str) -> None:
    ours, theirs = pair_of(name)
    images = torch.zeros(COUNT, 8, 5, 1)
    got = numbers_drawn(name, ours.draw(images))
    wanted = numbers_drawn(name, theirs.get_random_transformation(images, training=True))
    assert got.shape == wanted.shape
    for one, other in zip(got, wanted, strict=True):
        assert distance(one, other) < 2.2
    if len(got) == 2:  # heights and widths are drawn apart
        assert abs(np.corrcoef(got)[0, 1]) * math.sqrt(COUNT) < 5


def test_zoom_draws_once_where_the_width_is_not_given() -> None:
    zooms = layers.RandomZoom(0.3, seed=1).draw(torch.zeros(9, 4, 4, 1))
    assert torch.equal(zooms[:, 0], zooms[:, 1])
    assert len(set(zooms[:, 0].tolist())) == 9


def test_cut_boxes_are_as_likely_as_keras_boxes() -> None:
    ours, theirs = pair_of("CutMix", factor=(0.1, 1.0))
    images, count = torch.zeros(1, 8, 5, 1), 1_500
    # The exponent is drawn once a batch: batches of one are independent of each other.
    got = [ours.draw(images) for _ in range(count)]
    wanted = [theirs.get_random_transformation(images, training=True) for _ in range(count)]
    weights = torch.cat([drawn.weights for drawn in got]).numpy()
    assert distance(weights, torch.cat([drawn["mix_weight"] for drawn in wanted]).view(-1)) < 2.2
    covered = sum(drawn.inside(8, 5)[0] for drawn in got) / count
    covered_by_keras = sum(drawn["batch_masks"][0, ..., 0] for drawn in wanted) / count
    assert_same(covered, covered_by_keras, rtol=0, atol=5 * math.sqrt(2 * 0.25 / count))
    for drawn in got:
        assert (drawn.starts >= 0).all()
        assert (drawn.ends <= torch.tensor([[5.0], [8.0]]) + 1e-5).all()
        np.testing.assert_allclose(
            (drawn.ends - drawn.starts).prod(dim=0) / 40, 1 - drawn.weights, atol=1e-5
        )


def test_a_box_holds_its_first_pixel_and_not_the_one_at_its_end_as_in_keras() -> None:
    starts, ends = torch.tensor([[1.0], [0.0]]), torch.tensor([[3.0], [2.0]])
    got = Boxes(torch.zeros(1), starts, ends, torch.zeros(1)).inside(4, 5)
    corners = (starts[0], ends[0], starts[1], ends[1])
    wanted, _ = pair_of("CutMix")[1]._generate_batch_mask((1, 4, 5, 1), corners)
    assert torch.equal(got, wanted[..., 0])
    assert got.sum() == 4


def test_windows_are_cut_everywhere_as_in_keras() -> None:
    ours, theirs = pair_of("RandomCrop")
    images = torch.zeros(1, 5, 7, 1)
    places = {ours.draw(images) for _ in range(300)}
    wanted = {
        tuple(int(start) for start in theirs.get_random_transformation(images)) for _ in range(300)
    }
    assert places == wanted == {(top, left) for top in range(3) for left in range(4)}


# The seed


@each
def test_the_same_seed_draws_the_same_and_each_call_anew(name: str) -> None:
    images = images_of(8, 9, 9, 2)
    one, other = pair_of(name)[0], pair_of(name)[0]
    first = [one(images, training=True) for _ in range(4)]
    again = [other(images, training=True) for _ in range(4)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not torch.equal(first[0], later) for later in first[1:])
    assert any(
        not torch.equal(a, pair_of(name, seed=6)[0](images, training=True)) for a in first[:1]
    )


@each
def test_torchs_generator_is_neither_read_nor_moved(name: str) -> None:
    images, layer = images_of(8, 9, 9, 2), pair_of(name)[0]
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = layer(images, training=True)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    layer.seed_generator.draws = 0
    assert torch.equal(layer(images, training=True), first)


@each
def test_outside_training_nothing_is_drawn_and_images_stay(name: str) -> None:
    layer = pair_of(name)[0]
    images = images_of(2, 3, 4, 2)  # the window that RandomCrop is asked for
    assert torch.equal(layer(images), images)
    assert layer.seed_generator.draws == 0


# What goes in and comes out


@each
def test_bytes_become_floats(name: str) -> None:
    layer = pair_of(name)[0]
    images = images_of(4, 9, 9, 2).to(torch.uint8)
    for training in (False, True):
        assert layer(images, training=training).dtype == torch.float32
    layer.seed_generator.draws = 0
    first = layer(images, training=True)
    layer.seed_generator.draws = 0
    assert torch.equal(layer(images.float(), training=True), first)


@formats
@each
def test_one_image_is_a_batch_of_one(name: str, data_format: str) -> None:
    ours, theirs = pair_of(name, data_format=data_format)
    image = batch(data_format)[0]
    alone = ours(image, training=True)
    assert tuple(alone.shape) == tuple(theirs(image.clone(), training=True).shape)
    ours.seed_generator.draws = 0
    assert torch.equal(ours(image.unsqueeze(0), training=True)[0], alone)


@each
def test_a_mapping_keeps_its_shape_and_is_not_written_to(name: str) -> None:
    layer = pair_of(name)[0]
    data = {"images": images_of(4, 9, 9, 2), "labels": torch.eye(4), "weight": torch.arange(4)}
    before = {key: value.clone() for key, value in data.items()}
    outputs = layer(data, training=True)
    assert list(outputs) == list(data)
    assert all(torch.equal(data[key], before[key]) for key in data)
    assert torch.equal(outputs["weight"], data["weight"])
    layer.seed_generator.draws = 0
    assert torch.equal(layer(data["images"], training=True), outputs["images"])
    assert (name in ("MixUp", "CutMix")) == (not torch.equal(outputs["labels"], data["labels"]))
    shape = layer.compute_output_shape({"images": (None, 9, 9, 2)})["images"]
    assert shape == (None, *outputs["images"].shape[1:])
    assert layer.get_build_config() == {"input_shape": [None, 9, 9, 2]}
    one = layer({"images": data["images"][0], "labels": data["labels"][0]}, training=True)
    assert one["labels"].shape == (4,)


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
@pytest.mark.parametrize(
    "labels", [torch.arange(4), torch.arange(4).unsqueeze(1), torch.rand(4), torch.rand(4, 2, 3)]
)
def test_labels_that_cannot_be_mixed_are_refused(name: str, labels: torch.Tensor) -> None:
    layer = pair_of(name)[0]
    with pytest.raises(InputError, match=rf"{layer.name!r} cannot mix.*one-hot.*to_categorical"):
        layer({"images": images_of(4, 5, 5, 1), "labels": labels}, training=True)


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
def test_whole_one_hot_labels_are_mixed_as_in_keras(name: str) -> None:
    ours, theirs = pair_of(name)
    images, labels = images_of(4, 5, 5, 1), torch.eye(4, dtype=torch.int64)
    drawn = ours.draw(images)
    got = ours.transform_labels(labels, drawn)
    assert got.dtype == torch.float32
    wanted = theirs.transform_labels(labels, AS_KERAS[name](theirs, drawn, images))
    assert_same(got, wanted, atol=1e-6)


@pytest.mark.parametrize("key", ["bounding_boxes", "segmentation_masks"])
def test_what_would_not_move_with_the_images_is_refused(key: str) -> None:
    layer = layers.RandomFlip()
    with pytest.raises(InputError, match=f"{layer.name!r}.*{key}"):
        layer({"images": images_of(4, 5, 5, 1), key: torch.zeros(4, 2)}, training=True)


# Configs, models, files


@each
def test_config_is_keras_config(name: str) -> None:
    ours, theirs = pair_of(name, name="augmented")
    wanted = json.loads(json.dumps(theirs.get_config()))
    assert json.loads(json.dumps(ours.get_config())) == wanted
    assert json.loads(json.dumps(type(theirs).from_config(ours.get_config()).get_config())) == (
        wanted
    )
    assert type(ours).from_config(theirs.get_config()).get_config() == ours.get_config()


@each
def test_factors_mean_the_same_bounds_after_a_journey(name: str) -> None:
    ours = pair_of(name)[0]
    again = type(ours).from_config(json.loads(json.dumps(ours.get_config())))
    images = images_of(8, 9, 9, 2)
    assert torch.equal(again(images, training=True), ours(images, training=True))


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() - {"RandomCrop"}))
def test_a_net_that_augments_trains_and_crosses_over(name: str, tmp_path: Path) -> None:
    x, y = images_of(16, 3, 4, 2).numpy(), np.arange(16) % 2
    model = latih.Sequential(
        [
            layers.Input((3, 4, 2)),
            pair_of(name)[0],
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    before = model.predict(x, verbose=0)
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    assert model.layers[0].seed_generator.draws > 0
    after = model.predict(x, verbose=0)
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_array_equal(model.predict(x, verbose=0), after)
    model.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(theirs.predict(x, verbose=0), after, rtol=1e-5, atol=1e-6)
    theirs.save(tmp_path / "theirs.keras")
    again = latih.models.load_model(tmp_path / "theirs.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), after, rtol=1e-5, atol=1e-6)
