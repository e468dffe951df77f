"""What pyproject.toml cannot say: webapp/, assets/ and examples/lecture/ are installed inside graphscope/.

So nothing bare named "webapp" or "assets" lands in site-packages, for wheels and for ``pip install -e .``.
And four modules are compiled, where there is a C compiler; where not, ``graphscope.engine.follow`` and ``note``,
``graphscope.record.statistics`` and ``graphscope.trace.codec`` do the same.
"""

from setuptools import Extension, find_namespace_packages, setup

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
    ext_modules=[
        Extension(
            f"graphscope.{folder}.{name}",
            [f"graphscope/{folder}/{part}.c" for part in parts],
            depends=[f"graphscope/engine/_{part}.h" for part in ("shared", "follow", "run")],
            optional=True,
        )
        for folder, name, parts in (
            ("engine", "_follow", ("_follow", "_run", "_straight", "_general", "_walk")),
            ("engine", "_note", ("_note",)),
            ("record", "_numbers", ("_numbers",)),
            ("trace", "_codec", ("_codec",)),
        )
    ],
    include_package_data=False,
)
