"""A careful loop in plain torch: nothing is read, copied or allocated that need not be.

Variant ``one-thread`` is the same on one thread, which suits tiny nets better. With ``--bf16`` the
forward pass runs under autocast.
"""

import numpy as np
import torch

# Before torch's threads start: they inherit the flag.
torch.set_flush_denormal(True)

from torch.nn import functional  # noqa: E402
from workloads import PREDICT_BATCH  # noqa: E402

from peers.measurement import Epochs, task  # noqa: E402
from peers.torch_parts import Batches, adam, build, images  # noqa: E402

told = task()
if told.variant == "one-thread":
    torch.set_num_threads(1)
torch.manual_seed(told.seed)
x, y = images(told.data.x_train, told.workload), torch.from_numpy(told.data.y_train)
x_test = images(told.data.x_test, told.workload)
net = build(told.workload)
optimizer = adam(net.parameters())
batches = Batches(x, y, told.batch)
epochs = Epochs(told)
autocast = torch.autocast("cpu", torch.bfloat16, enabled=told.bf16)
loss_sum, hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)

net.train()
for _ in range(told.epochs):
    loss_sum.zero_()
    hits.zero_()
    for batch_x, batch_y in batches:
        optimizer.zero_grad(set_to_none=True)
        with autocast:
            logits = net(batch_x)
            loss = functional.cross_entropy(logits, batch_y)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach()
        hits += (logits.detach().argmax(1) == batch_y).sum()
    loss, accuracy = loss_sum.item() / len(batches), hits.item() / len(x)
    epochs.ended()


@torch.inference_mode()
def predict() -> np.ndarray:
    net.eval()
    logits = torch.empty(len(x_test), 10)
    with autocast:
        for part, into in zip(
            x_test.split(PREDICT_BATCH), logits.split(PREDICT_BATCH), strict=True
        ):
            into.copy_(net(part))
    return logits.numpy()


epochs.report(loss, accuracy, predict)
