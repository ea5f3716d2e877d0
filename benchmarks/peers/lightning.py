"""Lightning without what it can do without: its ``barebones`` trainer, batches by index."""

import logging
import warnings

import lightning
import numpy as np
import torch

torch.set_flush_denormal(True)

from torch.nn import functional  # noqa: E402
from workloads import PREDICT_BATCH  # noqa: E402

from peers.measurement import Epochs, task  # noqa: E402
from peers.torch_parts import Batches, adam, build, images  # noqa: E402

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
# It asks for workers to load batches, where a batch is one call.
warnings.filterwarnings("ignore")


class Net(lightning.LightningModule):
    """Sums stay on the device, and are read once an epoch: ``self.log`` costs more than a step."""

    def __init__(self, told):
        super().__init__()
        self.net = build(told.workload)
        self.epochs = Epochs(told)
        self.images = len(told.data.x_train)
        self.loss_sum, self.hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)

    def configure_optimizers(self):
        return adam(self.net.parameters())

    def on_train_epoch_start(self):
        self.loss_sum.zero_()
        self.hits.zero_()

    def training_step(self, batch, index):
        x, y = batch
        logits = self.net(x)
        loss = functional.cross_entropy(logits, y)
        self.loss_sum += loss.detach()
        self.hits += (logits.detach().argmax(1) == y).sum()
        return loss

    def on_train_epoch_end(self):
        self.loss = self.loss_sum.item() / self.trainer.num_training_batches
        self.accuracy = self.hits.item() / self.images
        self.epochs.ended()

    def predict_step(self, batch, index):
        return self.net(batch[0])


told = task()
torch.manual_seed(told.seed)
x, y = images(told.data.x_train, told.workload), torch.from_numpy(told.data.y_train)
x_test = images(told.data.x_test, told.workload)
y_test = torch.from_numpy(told.data.y_test)
net = Net(told)
trainer = lightning.Trainer(accelerator="cpu", max_epochs=told.epochs, barebones=True)
trainer.fit(net, Batches(x, y, told.batch))


def predict() -> np.ndarray:
    parts = trainer.predict(net, Batches(x_test, y_test, PREDICT_BATCH, shuffle=False))
    return torch.cat(parts).numpy()


net.epochs.report(net.loss, net.accuracy, predict)
