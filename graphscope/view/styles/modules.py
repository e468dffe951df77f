"""Stub."""

from graphscope.view.styles.graph import draw, view
