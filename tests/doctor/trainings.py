"""Trainings that have not begun, as ``fit`` makes them."""

from typing import Any

from latih.engine.events import CallbackList
from latih.engine.plan import Plan
from latih.engine.training import Training
from latih.models.preparation import Reading, batches_to_train, validation_batches


def training_of(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    epochs: int = 1,
    split: float = 0.0,
    validation_data: Any = None,
    class_weight: Any = None,
) -> Training:
    """Return the training that ``fit`` would run."""
    reading = Reading(batch_size, shuffle, 7, class_weight)
    batches, held = batches_to_train(model, x, y, sample_weight, reading, split)
    validation = validation_batches(model, validation_data, held, None, batch_size)
    step = model.make_train_step()
    listeners = CallbackList([], model, {})
    return Training(step, model.make_test_step(), batches, validation, listeners, Plan(epochs))
