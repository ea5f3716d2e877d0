"""skorch with batches by index, Adam's one kernel, and accuracy by its own scoring."""

import numpy as np
import skorch
import torch

torch.set_flush_denormal(True)

from skorch.callbacks import Callback, EpochScoring  # noqa: E402
from workloads import ADAM_EPSILON, LEARNING_RATE, PREDICT_BATCH  # noqa: E402

from peers.measurement import Epochs, task  # noqa: E402
from peers.torch_parts import Batches, build, images  # noqa: E402


class Clock(Callback):
    """Its last hook of an epoch."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, net, **options):
        self.epochs.ended()


def training_batches(dataset, batch_size):
    return Batches(dataset.X, torch.from_numpy(dataset.y), batch_size)


def predicting_batches(dataset, batch_size):
    labels = torch.zeros(len(dataset.X), dtype=torch.int64)
    return Batches(dataset.X, labels, batch_size, shuffle=False)


told = task()
torch.manual_seed(told.seed)
x = images(told.data.x_train, told.workload)
x_test = images(told.data.x_test, told.workload)
epochs = Epochs(told)
accuracy = EpochScoring("accuracy", on_train=True, lower_is_better=False, name="accuracy")
net = skorch.NeuralNetClassifier(
    build(told.workload),
    criterion=torch.nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    optimizer__fused=True,
    optimizer__eps=ADAM_EPSILON,
    lr=LEARNING_RATE,
    max_epochs=told.epochs,
    batch_size=told.batch,
    iterator_train=training_batches,
    iterator_valid=predicting_batches,
    iterator_valid__batch_size=PREDICT_BATCH,
    train_split=None,
    callbacks=[("accuracy", accuracy), ("clock", Clock(epochs))],
    callbacks__print_log=None,
    callbacks__valid_acc=None,
    callbacks__valid_loss=None,
    verbose=0,
)
net.fit(x, told.data.y_train)


def predict() -> np.ndarray:
    return net.predict_proba(x_test)


epochs.report(net.history[-1]["train_loss"], net.history[-1]["accuracy"], predict)
