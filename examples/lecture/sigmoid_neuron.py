"""The neuron 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))) as a circuit: values above the wires, gradients below.

Seed 001_ac00b92326d83d9e.txt, the third of the exercises on paper (before "Where we are now...").
"""

from deck import save

import graphscope as gs


def figures(look="light"):
    w0, w1, w2 = (gs.tensor(v, requires_grad=True) for v in (1.0, -2.0, 1.0))
    x0, x1 = (gs.tensor(v, requires_grad=True) for v in (-1.0, 1.0))
    f = 1 / (1 + gs.exp(-(w0 * x0 + w1 * x1 + w2)))
    f.backward()
    title = "Backpropagation through a sigmoid neuron"
    return {
        "sigmoid_neuron": gs.draw(f, style="circuit", theme=look, title=title, explain=True),
        "sigmoid_neuron_math": gs.draw(
            f, style="math", theme=look, title="The chain rule, gate by gate", path=("w0", "f")
        ),
    }


if __name__ == "__main__":
    save(figures())
