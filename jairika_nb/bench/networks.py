"""The networks of the workloads, written once for every library that has PyTorch's names.

``nn`` is ``torch.nn`` or ``jairika_nb.nn``; parameters begin as ``workloads.weights`` draws them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from jairika_nb.bench.workloads import GPT, LSTM, MLP


def network(name: str, nn: Any) -> Any:
    """The network of the workload ``name``: images, series or tokens -> scores."""
    return {"mlp": mlp, "cnn": cnn, "resnet18": resnet18, "gpt": gpt, "lstm": lstm}[name](nn)


def mlp(nn: Any) -> Any:
    """Dense layers with ReLU between."""
    layers: list[Any] = []
    for n, m in pairwise(MLP):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cnn(nn: Any) -> Any:
    """Two convolutions, a pooling, two dense layers."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def resnet18(nn: Any) -> Any:
    """K. He et al. 2016 with a 3 x 3 stem, as for CIFAR."""
    functional = nn.functional

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.straight = stride == 1 and inputs == outputs
            if not self.straight:
                convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
                self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            y = functional.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            return functional.relu(y + (x if self.straight else self.downsample(x)))

    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    before = 64
    for stage, channels in enumerate((64, 128, 256, 512)):
        layers += [Block(before, channels, 2 if stage else 1), Block(channels, channels, 1)]
        before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def gpt(nn: Any) -> Any:
    """A decoder with normalisation before each block and learned positions (GPT-2)."""
    layers, width, heads, length, vocabulary = GPT
    functional = nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            n, t, _ = x.shape
            parts = self.qkv(self.norm1(x)).reshape(n, t, 3, heads, width // heads)
            q, k, v = (parts[:, :, i].permute(0, 2, 1, 3) for i in range(3))
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.permute(0, 2, 1, 3).reshape(n, t, width))
            return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, x: Any) -> Any:
            y = self.blocks(self.tokens(x) + self.places.weight)
            return self.head(self.norm(y)).reshape(-1, vocabulary)

    return Decoder()


def lstm(nn: Any) -> Any:
    """A recurrent layer whose last output is classified."""

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.LSTM(*LSTM, batch_first=True)
            self.head = nn.Linear(LSTM[1], 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.cells(x)[0][:, -1])

    return Reader()
