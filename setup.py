"""What pyproject.toml cannot say: webapp/, assets/ and examples/lecture/ are installed inside graphscope/.

So nothing bare named "webapp" or "assets" lands in site-packages, for wheels and for ``pip install -e .``.
"""

from setuptools import find_namespace_packages, setup

setup(
    packages=[
        *find_namespace_packages(include=["graphscope*"]),
        *("graphscope." + p for p in find_namespace_packages(include=["webapp*"])),
        "graphscope.webapp.assets",
        "graphscope.lecture",
    ],
    package_dir={
        "graphscope": "graphscope",
        "graphscope.webapp": "webapp",
        "graphscope.webapp.assets": "assets",
        "graphscope.lecture": "examples/lecture",
    },
    include_package_data=False,
)
