"""The dashboard: a local web page that shows recorded and running trainings.

    from graphscope.webapp import serve
    serve("runs")                      # prints the address, Ctrl-C ends it

It reads traces only; it never imports the engine, and it never writes into a trace.
"""

from graphscope.webapp.app import create_app
from graphscope.webapp.serve import serve

__all__ = ["create_app", "serve"]
