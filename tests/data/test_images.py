"""Folders of images: Keras's files, labels and splits; pillow's pixels; an order that is pure."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras as oracle
from keras.src.utils import dataset_utils

import latih as keras
from latih.data import StreamBatches
from latih.errors import FileFormatError, InputError, MissingExtraError
from latih.utils import image_dataset_from_directory

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dice = np.random.default_rng(0)
    for name, count in (("cat", 9), ("dog", 6), ("eel", 4)):
        (tmp_path / name / "deeper").mkdir(parents=True)
        for number in range(count):
            height, width = dice.integers(5, 24, 2)
            pixels = dice.integers(0, 256, (height, width, 3), dtype=np.uint8)
            where = tmp_path / name / ("deeper" if number == 2 else "")
            Image.fromarray(pixels).save(where / f"{number}.png")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    return tmp_path


def read(folder: Path, **options: Any) -> Any:
    options = {"image_size": (8, 10), "batch_size": 4, "verbose": False, **options}
    return image_dataset_from_directory(folder, **options)


def labels_of(stream: Any) -> list[list[int]]:
    return [batch.targets[0].tolist() for batch in stream]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("class_names", [None, ["eel", "cat"]])
def test_files_and_labels_are_those_of_keras(folder: Path, shuffle: bool, class_names: Any) -> None:
    paths, labels, names = dataset_utils.index_directory(
        str(folder),
        "inferred",
        (".png",),
        class_names=class_names,
        shuffle=shuffle,
        seed=5,
        verbose=False,
    )
    mine = read(folder, shuffle=shuffle, seed=5, class_names=class_names)
    assert mine.file_paths == paths
    assert mine.labels.tolist() == labels.tolist() and mine.class_names == names


def test_a_split_is_that_of_keras(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths, labels, _ = dataset_utils.index_directory(str(folder), "inferred", (".png",), seed=7)
    both = read(folder, validation_split=0.3, subset="both", seed=7)
    for subset, part in zip(("training", "validation"), both, strict=True):
        theirs = dataset_utils.get_training_or_validation_split(paths, labels, 0.3, subset)
        assert part.file_paths == theirs[0] and part.labels.tolist() == list(theirs[1])
        alone = read(folder, validation_split=0.3, subset=subset, seed=7)
        assert alone.file_paths == part.file_paths
    capsys.readouterr()


@pytest.mark.parametrize("color_mode", list(MODES))
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic"])
def test_pixels_are_those_of_load_img(folder: Path, color_mode: str, interpolation: str) -> None:
    data = read(folder, shuffle=False, color_mode=color_mode, interpolation=interpolation)
    images = torch.cat([images for images, _ in data])
    assert images.dtype == torch.float32
    for path, image in zip(data.file_paths, images, strict=True):
        theirs = oracle.utils.load_img(
            path, color_mode=color_mode, target_size=(8, 10), interpolation=interpolation
        )
        expected = np.asarray(theirs, np.float32).reshape(8, 10, -1)
        np.testing.assert_array_equal(image.numpy(), expected)


def test_proportions_are_kept_by_cropping_or_padding(tmp_path: Path) -> None:
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, :4], pixels[:, 4:8], pixels[:, 8:] = 50, 100, 200
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    options: dict[str, Any] = {"labels": None, "image_size": (12, 12), "interpolation": "nearest"}
    (cropped,) = read(tmp_path, crop_to_aspect_ratio=True, **options)
    assert cropped.unique().tolist() == [100]
    (padded,) = read(tmp_path, pad_to_aspect_ratio=True, **options)
    assert padded[0, :, 0, 0].tolist() == [0] * 4 + [50] * 4 + [0] * 4
    assert padded[0, 5, :, 0].tolist() == [50] * 4 + [100] * 4 + [200] * 4


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 3), 0x80FF, np.uint16)).save(tmp_path / "deep.png")
    (images,) = read(tmp_path, labels=None, color_mode="grayscale")
    assert images.unique().tolist() == [0x80]


@pytest.mark.parametrize(
    ("mode", "shape", "kind"),
    [
        ("int", (4,), torch.int32),
        ("categorical", (4, 2), torch.float32),
        ("binary", (4, 1), torch.float32),
    ],
)
def test_labels_come_in_the_mode_that_is_asked_for(
    folder: Path, mode: str, shape: Any, kind: Any
) -> None:
    data = read(folder, label_mode=mode, class_names=["cat", "dog"], shuffle=False)
    _, labels = next(iter(data))
    assert tuple(labels.shape) == shape and labels.dtype == kind
    assert len(data) == 4 and [len(labels) for _, labels in data] == [4, 4, 4, 3]


def test_labels_can_be_given_or_left_out(folder: Path) -> None:
    given = read(folder / "cat", labels=[2, 0, 1, 0, 0, 0, 0, 0, 2], shuffle=False)
    assert given.class_names == ["0", "1", "2"]
    assert [label for _, labels in given for label in labels.tolist()][:3] == [2, 0, 1]
    (first, *_) = read(folder, labels=None)
    assert isinstance(first, torch.Tensor)
    (first, *_) = read(folder, label_mode=None)
    assert isinstance(first, torch.Tensor)


def test_each_pass_has_an_order_of_its_own_which_follows_from_the_seed(folder: Path) -> None:
    stream = StreamBatches(read(folder), seed=3)
    first, second = labels_of(stream.epoch(0)), labels_of(stream.epoch(1))
    assert first != second
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second))
    assert labels_of(StreamBatches(read(folder), seed=3).epoch(1)) == second
    assert labels_of(StreamBatches(read(folder), seed=4).epoch(1)) != second
    own = read(folder, seed=8)
    assert labels_of(StreamBatches(own, seed=3).epoch(1)) == labels_of(
        StreamBatches(own, seed=4).epoch(1)
    )
    data = read(folder, seed=8)
    twice = [[labels.tolist() for _, labels in data] for _ in range(2)]
    assert twice[0] != twice[1]


@pytest.mark.parametrize("taken", [0, 1, 3, 5])
def test_a_position_says_what_was_taken_and_not_what_was_read_ahead(
    folder: Path, taken: int
) -> None:
    stream = StreamBatches(read(folder), seed=3)
    whole = labels_of(stream.stream(0, 10))
    begun = StreamBatches(read(folder), seed=3)
    list(begun.stream(0, taken))
    state = begun.state_dict()
    resumed = StreamBatches(read(folder), seed=9)
    resumed.load_state_dict(state)
    assert labels_of(resumed.stream(taken, 10 - taken)) == whole[taken:]


def test_a_damaged_image_is_named(folder: Path) -> None:
    damaged = folder / "cat" / "3.png"
    damaged.write_bytes(damaged.read_bytes()[:40])
    before = set(threading.enumerate())
    with pytest.raises(FileFormatError, match=r"3\.png' holds no image") as raised:
        list(read(folder))
    assert raised.traceback[-1].name == "decode"
    del raised
    assert set(threading.enumerate()) == before


def test_no_thread_outlives_a_reader(folder: Path) -> None:
    before = set(threading.enumerate())
    batches = iter(read(folder))
    next(batches)
    assert set(threading.enumerate()) > before
    batches.close()
    assert set(threading.enumerate()) == before


class Stops(keras.callbacks.Callback):
    """Ends a training within an epoch, in the way that it is told."""

    def __init__(self, error: type[BaseException] | None) -> None:
        super().__init__()
        self.error = error

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1 and self.error is not None:
            raise self.error
        self.model.stop_training = batch == 1


def a_model() -> Any:
    model = keras.Sequential(
        [
            keras.Input([8, 10, 3]),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_no_thread_outlives_a_training_that_ends_early(folder: Path, error: Any) -> None:
    before = set(threading.enumerate())
    try:
        a_model().fit(read(folder), epochs=3, verbose=0, callbacks=[Stops(error)])
    except (ValueError, KeyboardInterrupt) as raised:
        assert type(raised) is error
    assert set(threading.enumerate()) == before


def test_a_model_trains_is_judged_and_predicts(folder: Path) -> None:
    training, validation = read(folder, validation_split=0.3, subset="both", seed=7)
    model = a_model()
    history = model.fit(training, validation_data=validation, epochs=2, verbose=0)
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    images = torch.cat([images for images, _ in validation]).numpy()
    labels = torch.cat([labels for _, labels in validation]).numpy()
    np.testing.assert_allclose(
        model.evaluate(validation, verbose=0), model.evaluate(images, labels, verbose=0), rtol=1e-5
    )
    np.testing.assert_allclose(
        model.predict(validation, verbose=0), model.predict(images, verbose=0), rtol=1e-5
    )


def test_a_run_goes_on_to_the_same_bits(folder: Path, tmp_path_factory: Any) -> None:
    weights: list[Any] = []
    for name, ends in (("whole", [None]), ("parted", [KeyboardInterrupt, None])):
        run = tmp_path_factory.mktemp(name) / "run"
        for end in ends:
            keras.utils.set_random_seed(2)
            model = a_model()
            try:
                model.fit(
                    read(folder),
                    epochs=2,
                    verbose=0,
                    run_dir=run,
                    snapshot_every=1,
                    callbacks=[Stops(end)] if end else [],
                )
            except KeyboardInterrupt:
                continue
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"label_mode": "many"}, "`label_mode`"),
        ({"color_mode": "cmyk"}, "`color_mode`"),
        ({"interpolation": "gaussian"}, "`interpolation`"),
        ({"image_size": (1, 2, 3)}, "`image_size`"),
        ({"image_size": 0}, "`image_size`"),
        ({"batch_size": None}, "`batch_size`"),
        ({"data_format": "channels_first"}, "`data_format`"),
        ({"labels": "guessed"}, "`labels`"),
        ({"labels": [1, 2]}, "`labels` do not fit the files: expected 19, .* got 2"),
        ({"labels": None, "class_names": ["cat"]}, "`class_names` cannot be given"),
        ({"class_names": ["cow"]}, "`class_names` are not the folders"),
        ({"label_mode": "binary"}, "needs two classes: expected two, got 3"),
        ({"validation_split": 0.2}, "need each other"),
        ({"validation_split": 2, "subset": "both", "seed": 1}, "`validation_split`"),
        ({"validation_split": 0.2, "subset": "training"}, "needs a seed"),
        ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "there are no images"),
    ],
)
def test_what_cannot_be_used_is_refused(folder: Path, options: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read(folder, **options)


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no directory"):
        read(tmp_path / "nothing")


def test_without_pillow_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r'pip install "latih\[data\]"'):
        read(folder)
