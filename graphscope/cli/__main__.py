"""``python -m graphscope.cli`` is the ``graphscope`` command."""

import sys

from graphscope.cli import main

sys.exit(main())
