"""An encoder for a net with few labels, learnt from examples without: what ``pretrain`` does."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latih import pretraining
from latih.arguments import number, one_of, whole
from latih.callbacks.progress import Verbose
from latih.data import as_array
from latih.data.image_files import find_images
from latih.errors import FileFormatError, InputError
from latih.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Input,
    Layer,
    Normalization,
    ReLU,
    Rescaling,
)
from latih.models import Model, Sequential
from latih.models.kept_run import Resume
from latih.optimizers import OPTIMIZERS
from latih.recipes.files import MOST_PIXELS, find_dataset, holds_arrays, read_arrays, read_data
from latih.recipes.image_folder import read_unlabelled_pictures
from latih.recipes.settings import settings_of
from latih.run_directory import RunDirectory

METHODS = ("denoising", "autoencoder", "dbn", "masked", "contrastive")
VALIDATION_FRACTION = 0.1
SMALLEST_IMAGE = 8
"""Sides below this leave a convolution nothing to do."""

FILTERS = (32, 64, 128)
BATCH_TO_PREPARE = 1024


@dataclass(frozen=True)
class PretrainingSettings:
    """How an encoder is learnt.

    Args:
        method: ``"denoising"``, ``"autoencoder"``, ``"dbn"``, ``"masked"`` or ``"contrastive"``.
        hidden: the units of each layer of a dense encoder.
        convolutional: whether the encoder convolves; None for images that are masked or contrasted.
        noise: the fraction of values that denoising hides.
        masked: the fraction of squares, or columns, that masking hides.
        patch: the sides of these squares, in pixels.
        optimizer: its name; a DBN's machines have their own.
        learning_rate: None takes the optimizer's default.
        epochs: how many; of a DBN for each machine.
        batch_size: how many examples a step takes.
        size: how high and wide pictures of a folder are read at most.

    Raises:
        InputError: an unknown method, a DBN that convolves, or a number out of its range.

    Example:
        >>> PretrainingSettings("masked").patch
        4
    """

    method: str = "denoising"
    hidden: Sequence[int] = (500, 250)
    convolutional: bool | None = None
    noise: float = 0.3
    masked: float = 0.6
    patch: int = 4
    optimizer: str = "adam"
    learning_rate: float | None = None
    epochs: int = 20
    batch_size: int = 128
    size: int = MOST_PIXELS

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> "PretrainingSettings":
        """Return the settings that ``run.toml`` holds; what is None is not in it.

        Raises:
            InputError: an entry is unknown, of another kind, or cannot be.

        Example:
            >>> PretrainingSettings.of_table({"hidden": [30], "method": "masked"}).hidden
            (30,)
        """
        return settings_of(cls, table, "a pretraining")

    def __post_init__(self) -> None:
        one_of(self.method, "method", "pretrain", METHODS)
        whole(self.epochs, "epochs", "pretrain", least=1)
        whole(self.batch_size, "batch_size", "pretrain", least=1)
        whole(self.size, "size", "pretrain", least=1)
        number(self.noise, "noise", "pretrain", least=0, most=1)
        number(self.masked, "masked", "pretrain", above=0, below=1)
        whole(self.patch, "patch", "pretrain", least=1)
        if self.learning_rate is not None:
            number(self.learning_rate, "learning_rate", "pretrain", above=0)
        if self.method == "dbn" and self.convolutional:
            raise InputError(
                "a DBN does not convolve",
                expected="a dense encoder",
                got="convolutional=True",
                fix="Choose another method.",
            )


@dataclass(frozen=True)
class PretrainedRun:
    """What the recipe gives back: the encoder, from raw examples to features, and its directory."""

    encoder: Model
    run: RunDirectory


@dataclass(frozen=True)
class UnlabelledExamples:
    """Examples without labels.

    Args:
        name: what they are called.
        x: the examples.
        are_pictures: whether they were read from a folder of pictures.
        remarks: what is to be said of them, a sentence each.
    """

    name: str
    x: np.ndarray
    are_pictures: bool = False
    remarks: tuple[str, ...] = ()


def load_unlabelled(
    source: str | os.PathLike[str], *, size: int = MOST_PIXELS, strict: bool = False
) -> UnlabelledExamples:
    """Load examples to learn from without labels; those that are there are not looked at.

    Args:
        source: the name of a known data set; an ``.npz`` file with the array ``x``; a directory
            with ``x.npy``; a directory of images, in folders or not; or what
            :func:`~latih.recipes.files.read_data` reads. Of a known data set, those to train on
            are meant.
        size: how high and wide pictures of a folder are read at most.
        strict: whether a picture that cannot be read is refused; else it is skipped.

    Raises:
        UnknownNameError: neither a data set nor a file of that name.
        FileFormatError: the file holds something else.
    """
    path = Path(source)
    if path.suffix == ".npz":
        return UnlabelledExamples(path.name, _x_of(read_arrays(path), path))
    if path.is_dir() and (path / "x.npy").is_file() and not (path / "y.npy").is_file():
        return UnlabelledExamples(path.name, np.load(path / "x.npy", allow_pickle=False))
    if (
        path.is_dir()
        and not holds_arrays(path)
        and any(find_images(path, [""], follow_links=False))
    ):
        x, remarks = read_unlabelled_pictures(path, size, strict=strict)
        return UnlabelledExamples(path.name, x, are_pictures=True, remarks=tuple(remarks))
    if path.suffix == ".parquet" or path.exists():
        return UnlabelledExamples(path.name, _x_of(read_data(path)[0], path))
    dataset = find_dataset(source)
    return UnlabelledExamples(dataset.name, dataset.load()[0][0])


def _x_of(arrays: dict[str, np.ndarray], path: Path) -> np.ndarray:
    if "x" not in arrays:
        raise FileFormatError(
            f"{str(path)!r} lacks x",
            expected="the array x",
            got=", ".join(sorted(arrays)) or "none",
            fix="Write it with numpy.savez('data.npz', x=x).",
        )
    return arrays["x"]


def pretrain(
    settings: PretrainingSettings,
    name: str,
    x: np.ndarray,
    run_dir: str | os.PathLike[str],
    *,
    seed: int = 0,
    verbose: Verbose = "auto",
    asked: dict[str, Any] | None = None,
    resume: Resume = "auto",
    snapshot_every: int | str = "60s",
) -> PretrainedRun:
    """Learn an encoder from examples, and write the run down with ``encoder.keras`` in it.

    The encoder takes examples as they came: what makes them fit (bytes divided by 255, other
    numbers standardised) is its first layer. Grey images get an axis for their one channel.

    Args:
        settings: how it is learnt.
        name: what the data are called.
        x: the examples.
        run_dir: where the run is written, or goes on.
        seed: which examples are held back to tell how well it goes.
        verbose: 0 for silence.
        asked: further entries of ``run.toml``'s table ``run``.
        resume: as in ``fit()``.
        snapshot_every: the same.

    Returns:
        The encoder, and the directory.

    Raises:
        LatihError: what was asked cannot be done; said before the first step.
    """
    images = as_array(x, "x").numpy()
    if images.ndim == 3:
        images = images[..., None]  # grey ones
    preparation = _preparation(images, binary=settings.method == "dbn")
    prepared = preparation.predict(images, BATCH_TO_PREPARE, verbose=0)
    about = {
        "run": asked or {},
        "data": {"name": name},
        "recipe": _as_told(settings),
    }
    run = RunDirectory(Path(run_dir), about)
    kept: dict[str, Any] = {
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "verbose": verbose,
        "resume": resume,
        "snapshot_every": snapshot_every,
    }
    if settings.method == "dbn":
        learnt = _train_dbn(settings, prepared, run, kept)
    else:
        model = _model(settings, prepared.shape)
        optimizer = OPTIMIZERS.get(settings.optimizer)
        if settings.learning_rate is not None:
            optimizer.learning_rate = settings.learning_rate
        model.compile(optimizer)
        order = np.random.default_rng(seed).permutation(len(prepared))
        held = max(2, round(VALIDATION_FRACTION * len(order)))
        validation, training = prepared[order[:held]], prepared[order[held:]]
        model.fit(training, validation_data=validation, run_dir=run, **kept)
        learnt = model.encoder
    encoder = Sequential([Input(images.shape[1:]), *preparation.layers, *learnt.layers])
    encoder.save(run.encoder_file)
    return PretrainedRun(encoder, run)


def _as_told(settings: PretrainingSettings) -> dict[str, Any]:
    """Return the settings as ``run.toml`` gives them back: without None, and lists for tuples."""
    told = {name: value for name, value in asdict(settings).items() if value is not None}
    return {"name": "pretraining", **told, "hidden": list(settings.hidden)}


def _train_dbn(
    settings: PretrainingSettings, x: np.ndarray, run: RunDirectory, kept: dict[str, Any]
) -> Model:
    if run.settings_file.exists() and run.read_settings().get("recipe") != _as_told(settings):
        raise InputError(
            f"the directory {str(run.path)!r} holds another run",
            expected="a new directory, or a DBN asked for in the same way",
            got="another method or other settings",
            fix="Choose another directory.",
        )
    net = pretraining.DBN(list(settings.hidden), learning_rate=settings.learning_rate)
    run.path.mkdir(parents=True, exist_ok=True)
    if not run.settings_file.exists():  # so that one that is killed can be gone on with
        run.write_settings(dict(run.about))
    # A machine whose turn has not come has nothing to go on from.
    resume: Resume = "auto" if kept["resume"] is True else kept["resume"]
    kept = {**kept, "resume": resume}
    # Pictures on white ground would turn every hidden unit on, to explain the ground.
    net.rbms[0].adapt(x)
    net.fit(x, run_dir=run.path, **kept)
    return net.encoder


def _model(settings: PretrainingSettings, shape: tuple[int, ...]) -> Any:
    """Return what is trained, of whatever method but a DBN."""
    encoder = _encoder(settings, shape)
    if settings.method == "autoencoder":
        return pretraining.Autoencoder(encoder)
    if settings.method == "denoising":
        return pretraining.DenoisingAutoencoder(encoder, noise=settings.noise)
    if settings.method == "masked":
        return pretraining.MaskedAutoencoder(encoder, masked=settings.masked, patch=settings.patch)
    return pretraining.Contrastive(encoder)


def _convolves(settings: PretrainingSettings, shape: tuple[int, ...]) -> bool:
    are_images = len(shape) in (3, 4) and min(shape[1:3]) >= SMALLEST_IMAGE
    if settings.convolutional is None:
        return are_images and settings.method in ("masked", "contrastive")
    if settings.convolutional and not are_images:
        raise InputError(
            "these examples are too small to convolve",
            expected=f"images with sides of {SMALLEST_IMAGE} pixels or more",
            got=f"shape {shape}",
        )
    return settings.convolutional


def _encoder(settings: PretrainingSettings, shape: tuple[int, ...]) -> Sequential:
    layers: list[Layer] = []
    if _convolves(settings, shape):
        sides = shape[1:3]
        for filters in FILTERS:
            # A side is halved where it is even, so that the way back leads to the same size.
            strides = tuple(2 if side % 2 == 0 and side > 4 else 1 for side in sides)
            sides = tuple(side // stride for side, stride in zip(sides, strides, strict=True))
            layers += [
                Conv2D(filters, 3, strides, "same", use_bias=False, kernel_initializer="he_normal"),
                BatchNormalization(),
                ReLU(),
            ]
    else:
        if not settings.hidden:
            raise InputError(
                "the encoder has no layers",
                expected="the units of one hidden layer or more, as 500,250",
                got="none",
            )
        layers += [Flatten()] if len(shape) > 2 else []
        layers += [Dense(u, "relu", kernel_initializer="he_normal") for u in settings.hidden]
    return Sequential([Input(shape[1:]), *layers], name="encoder")


def _preparation(x: np.ndarray, *, binary: bool) -> Sequential:
    """Return a net that makes examples fit: bytes to 0..1, others to that, or standardised."""
    layer: Layer
    if x.dtype == np.uint8:
        layer = Rescaling(1.0 / 255.0)
    elif binary:
        # The columns of a table have units of their own, the pixels of images have one.
        axes = 0 if x.ndim == 2 else None
        low, high = np.asarray(x.min(axes), float), np.asarray(x.max(axes), float)
        spread = np.where(high > low, high - low, 1.0)
        # What is scaled in single precision must not come out beside 0..1.
        margin = np.minimum(1e-6 * (1 + np.maximum(abs(low), abs(high)) / spread), 0.4)
        scale = (1 - 2 * margin) / spread
        layer = Rescaling(scale.tolist(), (margin - low * scale).tolist())
    else:
        layer = Normalization()
        layer.adapt(np.ascontiguousarray(x, np.float32))
    return Sequential([Input(x.shape[1:]), layer])
