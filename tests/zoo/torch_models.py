"""The networks once more, written in PyTorch from their papers with torchvision's names."""

import torch
from torch import nn
from torch.nn import functional as f


class Block(nn.Module):
    """A residual block: rows of (inputs, outputs, kernel, stride)."""

    def __init__(self, rows, stride):
        super().__init__()
        self.count = len(rows)
        for i, (a, b, kernel, step) in enumerate(rows, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        inputs, outputs = rows[0][0], rows[-1][1]
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            y = f.relu(y) if i < self.count else y
        return f.relu(y + (x if self.downsample is None else self.downsample(x)))


def basic(a, b, stride):
    return Block([(a, b, 3, stride), (b, b, 3, 1)], stride), b


def bottleneck(a, b, stride):
    return Block([(a, b, 1, 1), (b, b, 3, stride), (b, 4 * b, 1, 1)], stride), 4 * b


class ResNet(nn.Module):
    def __init__(self, block, counts, classes=1000, small=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, *((3, 1, 1) if small else (7, 2, 3)), bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.small, self.stages, channels = small, len(counts), 64
        for i, count in enumerate(counts):
            blocks = []
            for k in range(count):
                made, channels = block(channels, 64 * 2**i, 2 if i and not k else 1)
                blocks.append(made)
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = f.relu(self.bn1(self.conv1(x)))
        x = x if self.small else f.max_pool2d(x, 3, 2, 1)
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(x.mean((2, 3)))


class VGG(nn.Module):
    def __init__(self, text, batch_norm):
        super().__init__()
        layers, channels = [], 3
        for word in text.split():
            if word == "M":
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers.append(nn.Conv2d(channels, int(word), 3, padding=1))
            channels = int(word)
            layers += [nn.BatchNorm2d(channels)] if batch_norm else []
            layers.append(nn.ReLU())
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
            nn.Dropout(), nn.Linear(4096, 1000),
        )  # fmt: skip


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        rows = {0: (3, 64, 11), 3: (64, 192, 5), 6: (192, 384, 3), 8: (384, 256, 3),
                10: (256, 256, 3)}  # fmt: skip
        self.features = nn.ModuleDict({str(i): nn.Conv2d(*row) for i, row in rows.items()})
        rows = {1: (9216, 4096), 4: (4096, 4096), 6: (4096, 1000)}
        self.classifier = nn.ModuleDict({str(i): nn.Linear(*row) for i, row in rows.items()})


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        inside, rows = inputs * expansion, []
        if expansion != 1:
            rows.append(convolved(inputs, inside, 1))
        rows += [convolved(inside, inside, 3, stride, inside)]
        rows += [nn.Conv2d(inside, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*rows)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


def convolved(a, b, kernel, stride=1, groups=1):
    conv = nn.Conv2d(a, b, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(b), nn.ReLU6())


class MobileNetV2(nn.Module):
    def __init__(self, first, rows, last, classes):
        super().__init__()
        layers, inputs = [convolved(3, first, 3, 2)], first
        for expansion, outputs, count, stride in rows:
            for k in range(count):
                layers.append(Inverted(inputs, outputs, 1 if k else stride, expansion))
                inputs = outputs
        self.features = nn.Sequential(*layers, convolved(inputs, last, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class UNet(nn.Module):
    def __init__(self, inputs, classes, channels, depth, padding, batch_norm):
        super().__init__()
        self.depth = depth

        def double(a, b):
            rows = []
            for n in (a, b):
                rows.append(nn.Conv2d(n, b, 3, padding=int(padding), bias=not batch_norm))
                rows += [nn.BatchNorm2d(b)] if batch_norm else []
                rows.append(nn.ReLU())
            return nn.Sequential(*rows)

        for i in range(1, depth + 1):
            width = channels * 2 ** (i - 1)
            setattr(self, f"down{i}", double(inputs, width))
            setattr(self, f"up{i}", nn.ConvTranspose2d(2 * width, width, 2, 2))
            setattr(self, f"merge{i}", double(2 * width, width))
            inputs = width
        self.bottom = double(inputs, 2 * inputs)
        self.head = nn.Conv2d(channels, classes, 1)

    def forward(self, x):
        across = []
        for i in range(1, self.depth + 1):
            across.append(getattr(self, f"down{i}")(x))
            x = f.max_pool2d(across[-1], 2)
        x = self.bottom(x)
        for i in range(self.depth, 0, -1):
            x, skip = getattr(self, f"up{i}")(x), across.pop()
            top, left = ((a - b) // 2 for a, b in zip(skip.shape[2:], x.shape[2:], strict=True))
            skip = skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]
            x = getattr(self, f"merge{i}")(torch.cat([skip, x], 1))
        return self.head(x)


class LeNet(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=(32 - size) // 2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = f.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = f.avg_pool2d(torch.tanh(self.conv2(x)), 2).flatten(1)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


class VAE(nn.Module):
    def __init__(self, size, hidden, latent):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(size, hidden), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, size))

    def loss(self, x):
        inside = self.encoder(x)
        mean, spread = self.mean(inside), self.log_variance(inside)
        entropy = f.binary_cross_entropy_with_logits(self.decoder(mean), x, reduction="sum")
        code = torch.distributions.Normal(mean, (spread / 2).exp())
        normal = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
        return (entropy + torch.distributions.kl_divergence(code, normal).sum()) / len(x)
