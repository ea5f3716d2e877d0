"""What training and evaluation do to one batch, as methods that a subclass may write anew."""

import inspect
from typing import Any

import torch

from latih.data.arrays import convert
from latih.data.batches import Batch
from latih.data.outputs import targets_as_list
from latih.data.weights import sample_weights_as_list
from latih.engine.objective import Objective, plain
from latih.engine.own_step import OwnStep
from latih.engine.step import PredictStep, TestStep, TrainStep
from latih.errors import NotReadyError
from latih.layers import Layer
from latih.metrics import Metric
from latih.models.recorded import RecordedSteps
from latih.optimizers import Optimizer
from latih.structures import flatten

STEP_METHODS = ("train_step", "test_step", "compute_loss", "compute_metrics")


class Stepping(Layer):
    """The part of a model that says what a step is.

    A model whose class defines one of :data:`STEP_METHODS` is trained by these methods; any other
    by :class:`~latih.engine.step.TrainStep`, which does the same with less ado.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    recorded: RecordedSteps

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.optimizer: Optimizer | None = None
        self.objective: Objective | None = None
        vars(self)["recorded"] = RecordedSteps()
        self.target_keys: list[str] | None = None
        """The keys of the targets, where a step of the user's own was given a dict of them."""

    @property
    def has_own_step(self) -> bool:
        """Whether the class says itself what a step does."""
        return any(getattr(type(self), m) is not getattr(Stepping, m) for m in STEP_METHODS)

    @property
    def has_call(self) -> bool:
        """Whether it is said what a call does; a step of the user's own may need none."""
        return True

    def make_train_step(self) -> TrainStep | OwnStep:
        """Return what ``fit`` does to each batch; which weights are trainable is read now."""
        objective, optimizer = self.compiled("fit()")
        if self.has_own_step:
            return OwnStep(self, self.train_step)
        return self.recorded.like(TrainStep(self, objective, optimizer))

    def make_test_step(self) -> TestStep | OwnStep:
        """Return what ``evaluate`` does to each batch."""
        objective, _ = self.compiled("evaluate()")
        if self.has_own_step:
            return OwnStep(self, self.test_step)
        return self.recorded.like(TestStep(self, objective))

    def make_predict_step(self) -> PredictStep:
        """Return what ``predict`` does to each batch."""
        capture = "auto" if self.objective is None else self.objective.capture
        return self.recorded.like(PredictStep(self, capture))

    def explain_step(self) -> str:
        """Say how a step of ``fit`` is done: replayed from a record, or by PyTorch's usual way.

        A record is the row of kernels that one step called; to call them again, without asking
        each layer what it does, gives the same numbers in less time. Some models cannot be
        recorded, and this says why.

        Raises:
            NotReadyError: the model is not compiled.

        Example:
            >>> from latih.layers import Dense
            >>> from latih.models import Sequential
            >>> model = Sequential([Dense(1, input_shape=[2])])
            >>> model.compile("sgd", "mse")
            >>> _ = model.fit([[0.0, 1.0]], [1.0], epochs=2, verbose=0)
            >>> print(model.explain_step())
            A step is replayed from a record, on 1 thread: ... kernels for batches of 1...
        """
        if self.has_own_step:
            return (
                "A step is done by PyTorch's usual way: the class has a step of its own "
                f"({', '.join(m for m in STEP_METHODS if m in vars(type(self)))})."
            )
        objective, optimizer = self.compiled("explain_step()")
        return self.recorded.told(TrainStep(self, objective, optimizer))

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one update.

        Args:
            data: ``(x, y)``, ``(x, y, sample_weight)``, or x alone.

        Returns:
            What is logged, by its names.
        """
        x, y, sample_weight = _unpacked(data)
        y_pred = self(x, training=True)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
        objective, optimizer = self.compiled("train_step()")
        objective.count(loss, _length(x))
        weights = self.trainable_weights
        scaled = optimizer.scale_loss(loss)
        optimizer.apply(torch.autograd.grad(scaled, weights, allow_unused=True), weights)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Take one batch of an evaluation into the running sums.

        Args:
            data: ``(x, y)``, ``(x, y, sample_weight)``, or x alone.

        Returns:
            What is logged, by its names.
        """
        x, y, sample_weight = _unpacked(data)
        y_pred = self(x, training=False)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=False)
        objective, _ = self.compiled("test_step()")
        objective.count(loss, _length(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> torch.Tensor:
        """Return what training makes small: the losses of ``compile()`` and what layers add.

        Args:
            x: the examples.
            y: what they should come out as.
            y_pred: what the model made of them.
            sample_weight: how much each counts.
            training: whether it is for training.

        Raises:
            NotReadyError: there is no loss.
        """
        del x, training
        objective, _ = self.compiled("compute_loss()")
        predictions = flatten(y_pred)
        batch = self._compared(objective, y, y_pred, sample_weight)
        losses = objective.losses(batch, predictions)
        objective.count_outputs(losses, batch.size)
        return objective.total(losses, self.losses)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Take a batch into the metrics of ``compile()``, and return all metrics.

        Args:
            x: the examples.
            y: what they should come out as.
            y_pred: what the model made of them.
            sample_weight: how much each counts.
        """
        del x
        objective, _ = self.compiled("compute_metrics()")
        batch = self._compared(objective, y, y_pred, sample_weight)
        objective.update_metrics(batch, flatten(y_pred))
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the running sums of all metrics, by what the logs call them."""
        logged = {} if self.objective is None else self.objective.logged
        called = {id(metric): name for name, metric in logged.items()}
        return {called.get(id(m), m.name): plain(m.result()) for m in self.metrics}

    def reset_metrics(self) -> None:
        """Begin the running sums of all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    @property
    def metrics(self) -> list[Metric]:
        """The mean of the loss, the metrics of ``compile()``, and those kept as attributes."""
        compiled = [] if self.objective is None else self.objective.all_metrics
        return [*compiled, *super().metrics]

    def compiled(self, asked: str) -> tuple[Objective, Optimizer]:
        """Return what the model is compiled for, and with.

        Args:
            asked: what needs it, for the sentence.

        Raises:
            NotReadyError: it is not compiled.
        """
        if self.objective is None or self.optimizer is None:
            raise NotReadyError(
                f"the model {self.name!r} is not compiled",
                expected=f"compile() before {asked}",
                got="no optimizer and no loss",
                fix="Call model.compile(optimizer='adam', loss=...) first.",
            )
        return self.objective, self.optimizer

    def _loss_of(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
    ) -> torch.Tensor:
        # Keras's compute_loss() once had no `training`, and people's may have none.
        parameters = inspect.signature(self.compute_loss).parameters
        takes = "training" in parameters or any(
            p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()
        )
        told = {"training": training} if takes else {}
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **told)

    def _compared(self, objective: Objective, y: Any, y_pred: Any, sample_weight: Any) -> Batch:
        predictions = flatten(y_pred)
        names = self._names_of(y_pred, len(predictions))
        targets = targets_as_list(y, "y", names, objective.compares(names), convert)
        weights = sample_weights_as_list(sample_weight, "sample_weight", len(names), names, convert)
        objective.build(names, targets, [tuple(one.shape) for one in predictions])
        return Batch(None, targets, weights, len(predictions[0]))

    def _names_of(self, y_pred: Any, count: int) -> list[str]:
        if isinstance(y_pred, dict):
            return sorted(y_pred)
        if getattr(self, "is_symbolic", False):
            return self.output_names  # type: ignore[attr-defined]
        return [f"output_{number}" for number in range(count)]


def _unpacked(data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, tuple):
        return data, None, None
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def _length(x: Any) -> int:
    return len(flatten(x)[0])
