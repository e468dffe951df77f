"""Two blocks of parallel linear layers in a Sequential: modules in modules, shut and open.

Seed 000_65d9cdfa67512ff6.txt, slides "PyTorch: nn Defining Modules" (a stack of ParallelBlock).
"""

from deck import save

import graphscope as gs


class ParallelBlock(gs.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear1 = gs.nn.Linear(n_in, n_out)
        self.linear2 = gs.nn.Linear(n_in, n_out)

    def forward(self, x):
        return (self.linear1(x) * self.linear2(x)).clamp(min=0)


def figures(look="light"):
    gs.manual_seed(0)
    model = gs.nn.Sequential(
        ParallelBlock(1000, 100), ParallelBlock(100, 100), gs.nn.Linear(100, 10)
    )
    x = gs.randn(64, 1000)
    return {
        "parallel_blocks": gs.draw(
            model, x, style="modules", theme=look, title="A stack of parallel blocks"
        ),
        "parallel_blocks_inside": gs.draw(
            model, x, theme=look, title="Inside the blocks", show=("name", "op", "shape")
        ),
    }


if __name__ == "__main__":
    save(figures())
