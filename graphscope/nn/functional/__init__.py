"""Layers as functions, under torch's names: ``import graphscope.nn.functional as F``.

Every file lists its public names in ``__all__``; they are gathered here.
"""

from graphscope.nn.functional.activation import *
from graphscope.nn.functional.attention import *
from graphscope.nn.functional.common import pair as pair
from graphscope.nn.functional.conv import *
from graphscope.nn.functional.dropout import *
from graphscope.nn.functional.embedding import *
from graphscope.nn.functional.linear import *
from graphscope.nn.functional.loss import *
from graphscope.nn.functional.loss_class import *
from graphscope.nn.functional.loss_distance import *
from graphscope.nn.functional.norm import *
from graphscope.nn.functional.padding import *
from graphscope.nn.functional.pool import *
from graphscope.nn.functional.shaping import *
from graphscope.nn.functional.vision import *
