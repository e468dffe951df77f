"""The graph of a sum over x * y + z, with every gradient that backward finds.

Seed 001_ac00b92326d83d9e.txt, slides "Computational Graphs".
"""

from deck import save

import graphscope as gs


def figures(look="light"):
    gs.manual_seed(0)
    x, y, z = (gs.randn(3, 4, requires_grad=True) for _ in range(3))
    a = x * y
    b = a + z
    c = b.sum()
    before = gs.draw(c, theme=look, title="c = \u2211 (x\u00b7y + z), before backward")
    c.backward()
    after = gs.draw(c, theme=look, title="c = \u2211 (x\u00b7y + z), after backward")
    return {"sum_graph_forward": before, "sum_graph_backward": after}


if __name__ == "__main__":
    save(figures())
