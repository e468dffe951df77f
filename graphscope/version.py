"""Version numbers, where torch's programs look for them."""

__version__ = "0.1.0"
cuda = None  # torch's CUDA toolkit; ours comes with CuPy
hip = None
git_version = "unknown"
debug = False
