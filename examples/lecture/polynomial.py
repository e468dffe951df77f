"""Q = 3 a^3 - b^2 with the gradients 9 a^2 and -2 b.

Seed 003_bcad9e290c156e55.txt, slides on autograd (Q of a and b).
"""

from deck import save

import graphscope as gs


def figures(look="light"):
    a = gs.tensor([2.0, 3.0], requires_grad=True)
    b = gs.tensor([6.0, 4.0], requires_grad=True)
    Q = 3 * a**3 - b**2
    Q.backward(gradient=gs.tensor([1.0, 1.0]))
    return {
        "polynomial": gs.draw(Q, theme=look, title="Q = 3a\u00b3 \u2212 b\u00b2"),
        "polynomial_math": gs.draw(
            Q,
            style="math",
            theme=look,
            title="Formulas and gradients of Q",
        ),
    }


if __name__ == "__main__":
    save(figures())
