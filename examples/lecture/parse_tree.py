"""A recursive net over a parse tree: the graph has the shape of the sentence.

Seed 000_65d9cdfa67512ff6.txt, slide "Dynamic Graph Applications" (recursive networks).
"""

from deck import save

import graphscope as gs

TREE = (("the", "student"), ("drew", ("a", "graph")))


def figures(look="light"):
    gs.manual_seed(0)
    W = (0.3 * gs.randn(16, 8)).requires_grad_()
    words = ("the", "student", "drew", "a", "graph")
    the, student, drew, a, graph = (gs.randn(1, 8, requires_grad=True) for _ in words)
    vectors = dict(zip(words, (the, student, drew, a, graph), strict=True))

    def compose(node):
        if isinstance(node, str):
            return vectors[node]
        left, right = map(compose, node)
        return gs.cat([left, right], dim=1).mm(W).tanh()

    sentence = compose(TREE)
    score = sentence.pow(2).sum()
    score.backward()
    title = "A recursive net: one cell wherever two phrases meet"
    return {"parse_tree": gs.draw(score, theme=look, title=title, show=("name", "op", "shape"))}


if __name__ == "__main__":
    save(figures())
