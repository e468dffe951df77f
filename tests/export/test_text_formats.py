"""DOT and Mermaid: the same boxes and lines as the figure, and names that stay names."""

from __future__ import annotations

import re

import pytest

from graphscope.errors import UsageError
from graphscope.export.dot import dot_text, quoted
from graphscope.export.figure import Figure, figure_of_run
from graphscope.export.mermaid import escape, mermaid_text
from graphscope.export.outline import outline
from graphscope.trace.reader import TraceReader
from graphscope.view.drawing import Drawing
from tests import golden


@pytest.fixture(scope="module", params=["tiny", "digits_like", "hostile"])
def figure(request, tmp_path_factory):
    with TraceReader(golden.build(request.param, tmp_path_factory.mktemp("text"))) as reader:
        return figure_of_run(reader, 2)


def boxes(box):
    yield box
    for inner in box.boxes:
        yield from boxes(inner)


def test_every_card_stands_in_one_box(figure):
    found = [node.id for box in boxes(outline(figure.view)) for node in box.nodes]
    assert sorted(found) == sorted(node.id for node in figure.view.nodes)
    assert sum(1 for _ in boxes(outline(figure.view))) == len(figure.view.groups) + 1


def test_graphviz_reads_the_dot_file(figure, tmp_path):
    pygraphviz = pytest.importorskip("pygraphviz")
    figure.save(tmp_path / "g.dot")
    graph = pygraphviz.AGraph(str(tmp_path / "g.dot"))
    assert graph.number_of_nodes() == len(figure.view.nodes)
    assert graph.number_of_edges() == len({(e.src, e.dst) for e in figure.view.edges})
    for node in figure.view.nodes:
        assert graph.get_node(node.id).attr["fillcolor"].startswith("#")
    assert len(list(boxes(outline(figure.view)))) - 1 == text_count(figure, "subgraph cluster_")


def text_count(figure, word):
    return dot_text(figure.view).count(word)


def test_dot_strings_are_inert():
    assert quoted('a"];evil["') == r'"a\"];evil[\""'
    assert quoted(r"\N\G") == r'"\\N\\G"'
    assert quoted("a\nb") == '"a b"'


def test_mermaid_is_well_formed(figure, tmp_path):
    figure.save(tmp_path / "g.mmd")
    text = (tmp_path / "g.mmd").read_text(encoding="utf-8")
    lines = text.splitlines()
    start = lines.index("flowchart TD")
    node = re.compile(r'^\s+n\d+(\(\[|\[)"[^"<>]*(<br/>[^"<>]*)*"(\]\)|\]):::\w+$')
    edge = re.compile(r'^  n\d+ -->(\|"[^"<>|]*"\|)? n\d+$')
    frame = re.compile(r'^\s+subgraph s\d+\["[^"<>]*"\]$')
    count = {"node": 0, "edge": 0, "frame": 0, "end": 0}
    for line in lines[start + 1 :]:
        if node.match(line):
            count["node"] += 1
        elif edge.match(line):
            count["edge"] += 1
        elif frame.match(line):
            count["frame"] += 1
        elif line.strip() == "end":
            count["end"] += 1
        else:
            assert line.startswith("  classDef "), line
    view = figure.view
    assert count["node"] == len(view.nodes) and count["edge"] == len(view.edges)
    assert count["frame"] == count["end"] == len(view.groups)


def test_mermaid_text_is_inert():
    assert escape("x<y>") == "x#60;y#62;"
    assert escape('"]; click n1 call evil()') == "#34;]#59; click n1 call evil()"
    assert escape("w_1 **b** `c`") == "w#95;1 #42;#42;b#42;#42; #96;c#96;"
    assert "script" in escape("<script>") and "<" not in escape("<script>")


def test_values_and_gradients_are_on_the_cards(tmp_path):
    with TraceReader(golden.build("tiny", tmp_path)) as reader:
        figure = figure_of_run(reader, 2)
    for text in (dot_text(figure.view, figure.values), mermaid_text(figure.view, figure.values)):
        assert "8.62" in text and "\u2202 1.00" in text
    assert "8.62" not in dot_text(figure.view)


def test_a_drawing_without_a_graph_says_so(tmp_path):
    with pytest.raises(UsageError, match="a drawing and no graph"):
        Figure(Drawing(10, 10, "#FFFFFF")).save(tmp_path / "x.dot")
