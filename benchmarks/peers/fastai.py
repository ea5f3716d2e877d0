"""fastai's Learner with torch's fused Adam, batches by index, and no bars."""

from functools import partial

import numpy as np
import torch

torch.set_flush_denormal(True)

from fastai.callback.core import Callback, CancelValidException  # noqa: E402
from fastai.callback.progress import ProgressCallback  # noqa: E402
from fastai.data.core import DataLoaders  # noqa: E402
from fastai.learner import Learner, Recorder  # noqa: E402
from fastai.optimizer import OptimWrapper  # noqa: E402
from workloads import ADAM_EPSILON, LEARNING_RATE, PREDICT_BATCH  # noqa: E402

from peers.measurement import Epochs, task  # noqa: E402
from peers.torch_parts import Batches, build, images  # noqa: E402


class Sums(Callback):
    """Loss and accuracy of the training batches, and the clock; nothing is validated."""

    def __init__(self, epochs, batches):
        self.epochs, self.batches = epochs, batches

    def before_epoch(self):
        self.loss_sum, self.hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)

    def after_loss(self):
        if self.training:
            self.loss_sum += self.learn.loss.detach()
            self.hits += (self.pred.detach().argmax(1) == self.y).sum()

    def before_validate(self):
        raise CancelValidException

    def after_epoch(self):
        self.last_loss = self.loss_sum.item() / len(self.batches)
        self.accuracy = self.hits.item() / len(self.batches.x)
        self.epochs.ended()


told = task()
torch.manual_seed(told.seed)
x, y = images(told.data.x_train, told.workload), torch.from_numpy(told.data.y_train)
x_test = images(told.data.x_test, told.workload)
batches = Batches(x, y, told.batch)
testing = Batches(x_test, torch.from_numpy(told.data.y_test), PREDICT_BATCH, shuffle=False)
epochs = Epochs(told)
sums = Sums(epochs, batches)
adam = partial(OptimWrapper, opt=torch.optim.Adam, fused=True, eps=ADAM_EPSILON)
learner = Learner(
    DataLoaders(batches, testing, device=torch.device("cpu")),
    build(told.workload),
    loss_func=torch.nn.CrossEntropyLoss(),
    opt_func=adam,
    lr=LEARNING_RATE,
    cbs=[sums],
)
learner.remove_cbs([ProgressCallback, Recorder])
learner.fit(told.epochs)
learner.remove_cb(sums)  # or nothing would be predicted either


def predict() -> np.ndarray:
    logits, _ = learner.get_preds(dl=testing)
    return logits.numpy()


epochs.report(sums.last_loss, sums.accuracy, predict)
