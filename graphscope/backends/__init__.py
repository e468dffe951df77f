"""Torch's switches for its libraries (``backends.cudnn.benchmark``). They can be set; GraphScope has no use for them."""

from graphscope.backends import cuda as cuda
from graphscope.backends import cudnn as cudnn
from graphscope.backends import mkl as mkl
from graphscope.backends import mkldnn as mkldnn
from graphscope.backends import mps as mps
from graphscope.backends import openmp as openmp
