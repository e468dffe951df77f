"""Helpers around gradients, parameters and sequences."""

from graphscope.nn.utils import rnn as rnn
from graphscope.nn.utils.clip import *
from graphscope.nn.utils.clip import __all__ as _clip
from graphscope.nn.utils.norms import *
from graphscope.nn.utils.norms import __all__ as _norms
from graphscope.nn.utils.skip import skip_init as skip_init
from graphscope.nn.utils.vector import *
from graphscope.nn.utils.vector import __all__ as _vector

__all__ = [*_clip, *_norms, *_vector, "rnn", "skip_init"]
