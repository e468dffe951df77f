"""Layers, losses and containers, under torch's names."""

from graphscope.nn import functional as functional
from graphscope.nn import init as init
from graphscope.nn.activation import LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from graphscope.nn.container import ModuleDict, ModuleList, ParameterList, Sequential
from graphscope.nn.conv import AdaptiveAvgPool2d, AvgPool2d, Conv2d, MaxPool2d
from graphscope.nn.linear import Dropout, Embedding, Flatten, Identity, Linear
from graphscope.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from graphscope.nn.module import Module
from graphscope.nn.parameter import Buffer, Parameter

__all__ = [
    "AdaptiveAvgPool2d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "Buffer", "Conv2d", "CrossEntropyLoss",
    "Dropout", "Embedding", "Flatten", "Identity", "L1Loss", "LeakyReLU", "Linear", "LogSoftmax", "MSELoss",
    "MaxPool2d", "Module", "ModuleDict", "ModuleList", "NLLLoss", "Parameter", "ParameterList", "ReLU",
    "Sequential", "Sigmoid", "SmoothL1Loss", "Softmax", "Tanh", "functional", "init",
]  # fmt: skip
