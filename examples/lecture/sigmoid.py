"""The sigmoid written with operators is a chain of ops; as a Function of its own it is one node.

Seeds 000_65d9cdfa67512ff6.txt, slides "PyTorch: New functions", and 001_ac00b92326d83d9e.txt, "PyTorch: New
Autograd Functions". Torch's tape counts five nodes, since it records the division as a reciprocal and a
product; here it is one op, and the chain has four.
"""

from deck import save

import graphscope as gs


class Sigmoid(gs.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = 1.0 / (1.0 + (-x).exp())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        return grad_y * y * (1.0 - y)


def figures(look="light"):
    x = gs.tensor([-2.0, -0.5, 0.0, 1.0, 3.0], requires_grad=True)
    y = 1.0 / (1.0 + (-x).exp())
    y.backward(gs.ones(5))
    chain = gs.draw(y, theme=look, title="Sigmoid, op by op")
    x.grad = None
    y = Sigmoid.apply(x)
    y.backward(gs.ones(5))
    single = gs.draw(y, theme=look, title="Sigmoid as one Function")
    return {"sigmoid_ops": chain, "sigmoid_function": single}


if __name__ == "__main__":
    save(figures())
