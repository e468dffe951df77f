"""f(x, y) = x^3 + y x e^x + y at (2, 3), in forward and in reverse mode, with all numbers in between.

Seed 004_5d59a9959c7a57f1.txt, slides "Computational Graph: Forward Mode AD" and "Reverse Mode AD".
"""

from deck import save

import graphscope as gs

FORMULA = "f(x, y) = x\u00b3 + y\u00b7x\u00b7e^x + y"


def figures(look="light"):
    x = gs.tensor(2.0, dtype=gs.float64, requires_grad=True)
    y = gs.tensor(3.0, dtype=gs.float64, requires_grad=True)
    f = x**3 + y * x * gs.exp(x) + y
    f.backward()
    common = dict(theme=look, subtitle=FORMULA + " at (2, 3)")
    return {
        "forward_mode_x": gs.draw(
            f, style="forward", wrt="x", title="Forward mode, df/dx", **common
        ),
        "forward_mode_y": gs.draw(
            f, style="forward", wrt="y", title="Forward mode, df/dy", **common
        ),
        "reverse_mode": gs.draw(f, style="reverse", title="Reverse mode: both at once", **common),
    }


if __name__ == "__main__":
    save(figures())
