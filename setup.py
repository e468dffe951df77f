"""What pyproject.toml cannot say: webapp/ and assets/ stand beside graphscope/ and are installed inside it.

So nothing bare named "webapp" or "assets" lands in site-packages, for wheels and for ``pip install -e .``.
"""

from setuptools import find_namespace_packages, setup

setup(
    packages=[
        *find_namespace_packages(include=["graphscope*"]),
        *("graphscope." + p for p in find_namespace_packages(include=["webapp*"])),
        "graphscope.webapp.assets",
    ],
    package_dir={
        "graphscope": "graphscope",
        "graphscope.webapp": "webapp",
        "graphscope.webapp.assets": "assets",
    },
    include_package_data=False,
)
