"""Layers, losses and containers, under torch's names."""

from graphscope.nn import functional as functional
from graphscope.nn import init as init
from graphscope.nn import utils as utils
from graphscope.nn.activation import *
from graphscope.nn.activation import __all__ as _activation
from graphscope.nn.attention import *
from graphscope.nn.attention import __all__ as _attention
from graphscope.nn.batchnorm import *
from graphscope.nn.batchnorm import __all__ as _batchnorm
from graphscope.nn.container import ModuleDict, ModuleList, Sequential
from graphscope.nn.conv import *
from graphscope.nn.conv import __all__ as _conv
from graphscope.nn.dropout import *
from graphscope.nn.dropout import __all__ as _dropout
from graphscope.nn.embedding import *
from graphscope.nn.embedding import __all__ as _embedding
from graphscope.nn.linear import *
from graphscope.nn.linear import __all__ as _linear
from graphscope.nn.loss import *
from graphscope.nn.loss import __all__ as _loss
from graphscope.nn.loss_margin import *
from graphscope.nn.loss_margin import __all__ as _margin
from graphscope.nn.module import Module
from graphscope.nn.norm import *
from graphscope.nn.norm import __all__ as _norm
from graphscope.nn.padding import *
from graphscope.nn.padding import __all__ as _padding
from graphscope.nn.parallel import DataParallel
from graphscope.nn.parameter import Buffer, Parameter
from graphscope.nn.parameters import ParameterDict, ParameterList
from graphscope.nn.pool import *
from graphscope.nn.pool import __all__ as _pool
from graphscope.nn.rnn import *
from graphscope.nn.rnn import __all__ as _rnn
from graphscope.nn.rnn_cells import *
from graphscope.nn.rnn_cells import __all__ as _cells
from graphscope.nn.shaping import *
from graphscope.nn.shaping import __all__ as _shaping
from graphscope.nn.softmax import *
from graphscope.nn.softmax import __all__ as _softmax
from graphscope.nn.transformer import *
from graphscope.nn.transformer import __all__ as _transformer

__all__ = [
    *_batchnorm, *_conv, *_dropout, *_embedding, *_linear, *_norm, *_padding, *_pool, *_shaping,
    *_activation, *_loss, *_margin, *_rnn, *_cells, *_softmax, *_attention, *_transformer,
    "Buffer", "DataParallel",
    "Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList",
    "Sequential", "functional", "init", "utils",
]  # fmt: skip
