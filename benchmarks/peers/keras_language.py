"""What Latih and Keras have in common: the same lines build and train the same net."""

from types import ModuleType
from typing import Any

import workloads

from peers.measurement import Epochs, Task


def layer(keras: ModuleType, described: workloads.Layer) -> Any:
    layers = keras.layers
    match described:
        case workloads.Dense(units, activation):
            if units == workloads.CLASSES:
                # Softmax in float32 whatever the policy, as Keras's guide to mixed precision asks.
                return layers.Dense(units, activation="softmax", dtype="float32")
            return layers.Dense(units, activation=activation, kernel_initializer="he_normal")
        case workloads.Convolution(filters):
            return layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")
        case workloads.BatchNormalization():
            return layers.BatchNormalization()
        case workloads.Activation(name):
            return layers.Activation(name)
        case workloads.MaxPooling():
            return layers.MaxPooling2D()
        case workloads.Dropout(rate):
            return layers.Dropout(rate)
        case workloads.Flatten():
            return layers.Flatten()


def build(keras: ModuleType, workload: workloads.Workload, **compile_options: Any) -> Any:
    """Return the compiled net of a workload."""
    stack = [layer(keras, described) for described in workload.layers]
    model = keras.Sequential([keras.Input(workload.input_shape), *stack])
    model.compile(
        "adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], **compile_options
    )
    return model


def train(keras: ModuleType, task: Task, **compile_options: Any) -> None:
    if task.bf16:
        keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(task.seed)
    workload, data, epochs = task.workload, task.data, Epochs(task)

    class Clock(keras.callbacks.Callback):
        """It listens to epochs only."""

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            epochs.ended()

    model = build(keras, workload, **compile_options)
    history = model.fit(
        data.x_train,
        data.y_train,
        batch_size=task.batch,
        epochs=task.epochs,
        callbacks=[Clock()],
        verbose=0,
    ).history
    epochs.report(
        history["loss"][-1],
        history["accuracy"][-1],
        lambda: model.predict(data.x_test, batch_size=workloads.PREDICT_BATCH, verbose=0),
    )
