"""The ids of components that Python and the scripts in assets/ both name."""

APP = "app"
STRIP = "strip"
LIVE = "live"  # a dcc.Store: the latest revision card, for callbacks
CURVES = "curves"  # the box that holds the cards of the Curves page


def curve(key: str) -> dict[str, str]:
    """The id of one chart on the Curves page."""
    return {"type": "curve", "key": key}
