"""Layers, losses and networks, with PyTorch's names, arguments and arithmetic."""

from jairika_nb.nn import functional, init, rnn
from jairika_nb.nn.activations import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from jairika_nb.nn.adaptive import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
)
from jairika_nb.nn.architecture import register
from jairika_nb.nn.batch_normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from jairika_nb.nn.building import build
from jairika_nb.nn.cells import GRUCell, LSTMCell, RNNCell
from jairika_nb.nn.containers import Sequential
from jairika_nb.nn.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from jairika_nb.nn.embedding import Embedding
from jairika_nb.nn.functions import Function
from jairika_nb.nn.graph import Graph
from jairika_nb.nn.layers import Dropout, Flatten, Identity, Linear
from jairika_nb.nn.losses import CrossEntropyLoss, MSELoss
from jairika_nb.nn.module import Module
from jairika_nb.nn.normalization import GroupNorm, LayerNorm, LocalResponseNorm, RMSNorm
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.pooling import (
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from jairika_nb.nn.recurrent import GRU, LSTM, RNN
from jairika_nb.nn.standardizing import Normalization
from jairika_nb.nn.symbol import Input
from jairika_nb.nn.unpooling import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "Function",
    "GRUCell",
    "Graph",
    "GroupNorm",
    "Identity",
    "Input",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "LogSoftmax",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "Module",
    "Normalization",
    "Parameter",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "build",
    "functional",
    "init",
    "register",
    "rnn",
]
