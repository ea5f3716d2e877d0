"""A run as TensorBoard shows it."""

import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from latih.arguments import whole
from latih.callbacks.memory import Remembering
from latih.engine.events import LogNames
from latih.errors import InputError, LatihError, LatihWarning, MissingExtraError
from latih.files import require_writable
from latih.layers import Layer


class TensorBoard(Remembering):
    """Write what TensorBoard shows: ``tensorboard --logdir logs``.

    Scalars have Keras's tags: ``epoch_loss``, ``epoch_learning_rate`` and so on against the epoch
    (counted from 0), those of the training in ``train/``, those of the validation in
    ``validation/``; there also ``evaluation_loss_vs_iterations``. Every epoch is on the disk when
    it ends. It needs the extra ``latih[tensorboard]``.

    Args:
        log_dir: where; two runs need two directories.
        histogram_freq: every how many epochs histograms of the weights are written; 0 for never.
        write_graph: whether the model's layers are written, for the tab *Graphs*.
        write_images: whether weights are written as images too, where there are histograms.
        write_steps_per_second: whether the speed is written.
        update_freq: ``"epoch"``; or ``"batch"`` or a number of steps, after which
            ``batch_loss`` and so on are written too. Reading them waits for the device.
        profile_batch: only 0: TensorBoard cannot profile PyTorch, as in Keras.
        embeddings_freq: only 0: Latih writes no projections of embeddings.
        embeddings_metadata: only None.

    Raises:
        InputError: an argument cannot be used.
        MissingExtraError: the package tensorboard is not installed.
        UnwritableError: before the first step, when the directory cannot be written.

    Example:
        >>> TensorBoard("logs/first", histogram_freq=1).log_dir
        'logs/first'
    """

    remembers = ("steps",)

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = whole(histogram_freq, "histogram_freq", "TensorBoard", least=0)
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        for argument, given in (
            ("profile_batch", profile_batch),
            ("embeddings_freq", embeddings_freq),
            ("embeddings_metadata", embeddings_metadata),
        ):
            if given:
                raise InputError(
                    f"`{argument}` of TensorBoard cannot be used here",
                    expected="its default",
                    got=repr(given),
                    fix=f"Leave `{argument}` out.",
                )
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch":
            whole(self.update_freq, "update_freq", "TensorBoard", least=1)
            # Only then does it listen to steps: a hook that is defined costs something each time.
            self.on_train_batch_end = self._write_step
        self._make_writer = _summary_writer_class()
        self._writers: dict[str, Any] = {}
        self._epoch_began = self._step_ended = 0.0
        self._updates_before = 0
        self._training = False
        self.forget()

    def forget(self) -> None:
        """Begin with no steps."""
        self.steps = 0

    def check(self, log_names: LogNames) -> None:
        """Refuse a place that cannot be written."""
        require_writable(self.log_dir, argument=self.log_dir)

    def on_train_begin(self, logs: Any = None) -> None:
        """Write the model's layers."""
        super().on_train_begin(logs)
        self._training = True
        if self.write_graph:
            self._write_graph()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the clock."""
        self._epoch_began = self._step_ended = time.monotonic()
        self._updates_before = self.model.optimizer.updates

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the epoch's numbers, and from time to time the weights."""
        values = dict(logs or {})
        # A callback that logs the rate has the epoch's own, but as in Keras the next one's is told.
        training = {name: v for name, v in values.items() if not name.startswith("val_")}
        training["learning_rate"] = self.model.optimizer.current_rate()
        if self.write_steps_per_second:
            updates = self.model.optimizer.updates - self._updates_before
            training["steps_per_second"] = updates / (time.monotonic() - self._epoch_began)
        self._write("train", "epoch_{}", training, epoch)
        validation = {name[4:]: v for name, v in values.items() if name.startswith("val_")}
        self._write("validation", "epoch_{}", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        self._flush()

    def on_test_end(self, logs: Any = None) -> None:
        """Write the evaluation's numbers against the updates done."""
        updates = self.model.optimizer.updates
        self._write("validation", "evaluation_{}_vs_iterations", logs or {}, updates)
        self._flush() if self._training else self._close()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the files."""
        self._training = False
        self._close()

    def _write_step(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        now, before = time.monotonic(), self._step_ended
        self._step_ended = now
        if self.steps % int(self.update_freq):
            return
        values = dict(logs or {})
        if self.write_steps_per_second:
            values["steps_per_second"] = 1.0 / max(now - before, 1e-9)
        self._write("train", "batch_{}", values, self.steps)

    def _write(self, part: str, tag: str, values: Mapping[str, Any], step: int) -> None:
        for name, value in values.items():
            # A metric with a number for each class makes a curve of each.
            each = {f"{name}_{i}": v for i, v in enumerate(value)} if _is_list(value) else None
            for own_name, number in (each or {name: value}).items():
                self._writer(part).add_scalar(tag.format(own_name), float(number), step)

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for name, weight in _named_weights(self.model, self.model.name):
            values = weight.detach().float().cpu()
            finite = values[torch.isfinite(values)]  # of the others there is no histogram
            if finite.numel():
                writer.add_histogram(f"{name}/histogram", finite, epoch)
            image = as_images(values) if self.write_images else None
            if image is not None:
                writer.add_images(f"{name}/image", image, epoch, dataformats="NHWC")

    def _write_graph(self) -> None:
        if type(self.model).__name__ not in ("Sequential", "Functional"):
            return
        try:
            told = json.dumps(self.model.describe())
        except LatihError as error:
            warnings.warn(f"TensorBoard gets no graph: {error}", LatihWarning, stacklevel=2)
            return
        self._writer("train").file_writer.add_summary(_graph_summary(told), 0)

    def _writer(self, part: str) -> Any:
        # Made when there is something to write, so that no empty files lie about.
        if part not in self._writers:
            self._writers[part] = self._make_writer(str(Path(self.log_dir) / part))
        return self._writers[part]

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def as_images(weight: torch.Tensor) -> torch.Tensor | None:
    """Return a weight as images, the way Keras lays them out; None where there is none.

    Shapes:
        in: any; out: ``(images, height, width, channels)``, channels 1, 3 or 4.

    Example:
        >>> tuple(as_images(torch.zeros(5, 3)).shape), as_images(torch.zeros(()))
        ((1, 3, 5, 1), None)
    """
    image = weight.squeeze()
    if image.ndim == 1:
        image = image.reshape(1, -1, 1, 1)
    elif image.ndim == 2:
        image = image.T if image.shape[0] > image.shape[1] else image
        image = image[None, :, :, None]
    elif image.ndim == 3:
        image = image.permute(2, 0, 1)[..., None]
    return image if image.ndim == 4 and image.shape[-1] in (1, 3, 4) else None


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0


def _named_weights(layer: Layer, path: str) -> Iterator[tuple[str, torch.Tensor]]:
    for weight in layer.own_weights():
        yield f"{path}/{weight.attribute}", getattr(layer, weight.attribute)
    for inner in layer.layers:
        yield from _named_weights(inner, f"{path}/{inner.name}")


def _summary_writer_class() -> Any:
    try:
        # Deferred because it imports tensorboard, which is an extra: whoever never asks for it must
        # not pay or need it.
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError as error:
        raise MissingExtraError.of(
            "TensorBoard cannot be written for", "tensorboard", "tensorboard", error
        ) from error
    return SummaryWriter


def _graph_summary(told: str) -> Any:
    # Deferred as above.
    from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2

    messages: Any = summary_pb2  # made at run time, so that no type checker knows them
    tensors: Any = tensor_pb2
    shapes: Any = tensor_shape_pb2
    # The plugin that draws layers knows its data by this name and version.
    plugin = messages.SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
    tensor = tensors.TensorProto(
        dtype="DT_STRING", string_val=[told.encode()], tensor_shape=shapes.TensorShapeProto()
    )
    metadata = messages.SummaryMetadata(plugin_data=plugin)
    value = messages.Summary.Value(tag="keras", tensor=tensor, metadata=metadata)
    return messages.Summary(value=[value])
