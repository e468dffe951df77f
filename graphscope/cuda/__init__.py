"""NVIDIA GPUs under torch's names. Without one: not available, zero bytes, and errors that say what to install.

``GRAPHSCOPE_CUDA=sim`` in the environment, or ``with graphscope.cuda.pretended():``, makes ``cuda`` the
pretend GPU, so that programs for CUDA run on any machine.
"""

from __future__ import annotations

from graphscope.cuda.devices import can_device_access_peer as can_device_access_peer
from graphscope.cuda.devices import current_device as current_device
from graphscope.cuda.devices import device as device
from graphscope.cuda.devices import device_count as device_count
from graphscope.cuda.devices import get_arch_list as get_arch_list
from graphscope.cuda.devices import get_device_capability as get_device_capability
from graphscope.cuda.devices import get_device_name as get_device_name
from graphscope.cuda.devices import get_device_properties as get_device_properties
from graphscope.cuda.devices import init as init
from graphscope.cuda.devices import is_available as is_available
from graphscope.cuda.devices import is_bf16_supported as is_bf16_supported
from graphscope.cuda.devices import is_initialized as is_initialized
from graphscope.cuda.devices import set_device as set_device
from graphscope.cuda.devices import synchronize as synchronize
from graphscope.cuda.memory import empty_cache as empty_cache
from graphscope.cuda.memory import max_memory_allocated as max_memory_allocated
from graphscope.cuda.memory import max_memory_reserved as max_memory_reserved
from graphscope.cuda.memory import mem_get_info as mem_get_info
from graphscope.cuda.memory import memory_allocated as memory_allocated
from graphscope.cuda.memory import memory_reserved as memory_reserved
from graphscope.cuda.memory import memory_stats as memory_stats
from graphscope.cuda.memory import memory_summary as memory_summary
from graphscope.cuda.memory import reset_max_memory_allocated as reset_max_memory_allocated
from graphscope.cuda.memory import reset_peak_memory_stats as reset_peak_memory_stats
from graphscope.cuda.memory import (
    set_per_process_memory_fraction as set_per_process_memory_fraction,
)
from graphscope.cuda.random import get_rng_state as get_rng_state
from graphscope.cuda.random import get_rng_state_all as get_rng_state_all
from graphscope.cuda.random import initial_seed as initial_seed
from graphscope.cuda.random import manual_seed as manual_seed
from graphscope.cuda.random import manual_seed_all as manual_seed_all
from graphscope.cuda.random import seed as seed
from graphscope.cuda.random import seed_all as seed_all
from graphscope.cuda.random import set_rng_state as set_rng_state
from graphscope.cuda.random import set_rng_state_all as set_rng_state_all
from graphscope.cuda.streams import Event as Event
from graphscope.cuda.streams import Stream as Stream
from graphscope.cuda.streams import StreamContext as StreamContext
from graphscope.cuda.streams import current_stream as current_stream
from graphscope.cuda.streams import default_stream as default_stream
from graphscope.cuda.streams import set_stream as set_stream
from graphscope.cuda.streams import stream as stream
from graphscope.engine.backend import pretended_cuda as _pretended
from graphscope.errors import OutOfMemory as _OutOfMemory
from graphscope.ops.constructors import ON_CUDA as _typed

pretended = _pretended
OutOfMemoryError = _OutOfMemory
globals().update(_typed)  # cuda.FloatTensor and the like
