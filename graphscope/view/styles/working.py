"""Math: every op with its formula and its gradients' formulas, and the chain rule along one path."""

from __future__ import annotations

from graphscope import units
from graphscope.errors import UsageError
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Mark, Rect, arrow, label
from graphscope.view.palette import theme
from graphscope.view.pattern import bar
from graphscope.view.styles import formulas
from graphscope.view.styles.options import Options
from graphscope.view.styles.page import Piece, families, page, ring, tooltip, words
from graphscope.view.styles.place import Cell, place
from graphscope.view.styles.scene import Scene
from graphscope.view.typeset import formula, measure, number_tex

SHOW = ("name", "op", "grad")
SIZE, SMALL = 16.0, 11.0
PAD, GAP = 12.0, 7.0
MOST = 300  # ops; nobody reads more formulas
WIDEST = 460.0
SPELLED = 9  # values on a path


def draw(scene: Scene, opts: Options) -> Drawing:
    """The graph as formulas."""
    if len(scene.forward) > MOST:
        raise UsageError(
            f"style='math' sets a formula for each op, and this graph has {len(scene.forward):,} of them (the limit is "
            f"{MOST}). Draw it with style='graph', or a part of it: gs.draw(some_intermediate, style='math')."
        )
    return _Working(scene, opts).drawing()


class _Working:
    def __init__(self, scene: Scene, opts: Options) -> None:
        self.scene, self.opts, self.k = scene, opts, opts.large
        self.colours = theme(opts.theme)
        self.show = opts.parts(SHOW)
        self.direction = opts.direction or "down"
        self.marked = scene.marked(opts)
        self.path = route(scene, opts.path) if opts.path else []
        self.rows: dict[int, list[tuple[str, str, str]]] = {}
        self.cells = [self.cell(v) for v in [*scene.leaves, *scene.forward]]
        index = {cell.value: at for at, cell in enumerate(self.cells)}
        self.wires, self.ends = [], []
        for i in scene.forward:
            for v in dict.fromkeys(scene.inputs[i]):
                if v in index:
                    self.wires.append((index[v], index[i], 0))
                    self.ends.append((v, i))

    def cell(self, value: int) -> Cell:
        scene, k = self.scene, self.k
        rows: list[tuple[str, str, str]] = []  # kind, TeX, number behind it
        if value >= 0:
            number = scene.value_text(value, Options()) if "value" in self.show else ""
            rows.append(("value", f"{scene.tex(value)} = {formulas.forward(scene, value)}", number))
            if "grad" in self.show:
                rows += [("grad", tex, "") for tex in formulas.gradients(scene, value)]
        else:
            number = scene.value_text(value, Options()) if "value" in self.show else ""
            rows.append(("value", scene.tex(value), number))
        self.rows[value] = rows
        wide, tall = 0.0, PAD * k
        head = self.head(value)
        if head:
            wide = fonts.width(head, SMALL * k)
            tall += (SMALL + 4) * k
        for _, tex, number in rows:
            w, up, down = measure(tex, SIZE * k)
            extra = fonts.width(f"= {number}", 12 * k) + 8 * k if number else 0.0
            wide = max(wide, min(w, WIDEST * k) + extra)
            tall += max(up, 9 * k) + max(down, 2 * k) + GAP * k
        return Cell(value, wide + 2 * PAD * k + 4, tall + (PAD - GAP) * k)

    def head(self, value: int) -> str:
        """The small line above: the op, or the shape of a leaf."""
        parts = []
        if value >= 0 and "op" in self.show:
            parts.append(self.scene.graph.op_name(value))
        if "shape" in self.show or (value < 0 and not self.scene.scalar(value)):
            parts.append(self.scene.shape_text(value))
        return "  ".join(part for part in parts if part)

    def drawing(self) -> Drawing:
        placing = place(self.cells, self.wires, self.direction)
        colours, body = self.colours, list[Mark | Cluster]()
        steps = set(zip(self.path, self.path[1:], strict=False))
        for ends, points in zip(self.ends, placing.routes, strict=True):
            on = ends in steps
            body += arrow(points, 2.6 if on else 1.5, colours.focus if on else colours.edge)
        for cell in self.cells:
            id = f"n{cell.value}" if cell.value >= 0 else f"p{-1 - cell.value}"
            said = tooltip(self.scene, cell.value, self.opts)
            body.append(Cluster(id, said, tuple(self.paint(cell))))
        used = [self.scene.graph.op_info(i).family for i in self.scene.forward]
        pieces = families(used, colours, self.k)
        pieces.append(words("what the op computes", colours.value, self.k))
        if "grad" in self.show:
            pieces.append(words("what it hands back", colours.gradient, self.k))
        return page(body, placing.width, placing.height, colours, self.opts, pieces, self.chain())

    def paint(self, cell: Cell) -> list[Mark]:
        k, colours, value = self.k, self.colours, cell.value
        family = self.scene.graph.op_info(value).family if value >= 0 else "data"
        family = family if family in colours.families else "other"
        radius = 6.0 if value >= 0 else min(18.0 * k, cell.h / 2)
        marks: list[Mark] = []
        if value in self.marked or value in self.path:
            marks.append(ring(cell.x, cell.y, cell.w, cell.h, radius, colours))
        back = colours.tinted(colours.families[family])
        stroke = 0.75 if colours.patterns else 1.0
        marks.append(Rect(cell.x, cell.y, cell.w, cell.h, radius, back, colours.line, stroke))
        if value >= 0:
            marks += bar(cell.x, cell.y, 4.0, cell.h, radius, family, colours)
        x, y = cell.x + PAD * k + (4 if value >= 0 else 2), cell.y + PAD * k
        head = self.head(value)
        if head:
            y += SMALL * k
            marks.append(
                label(x, y - 2 * k, head, SMALL * k, colours.ink2, room=cell.w - 2 * PAD * k)
            )
            y += 4 * k
        opts = self.opts
        for kind, tex, number in self.rows[value]:
            _, up, down = measure(tex, SIZE * k)
            y += max(up, 9 * k)
            known = opts.values if kind == "value" else opts.grads
            if known is None or value in known or kind == "value":
                colour = colours.value if kind == "value" else colours.gradient
                mark = formula(x, y, tex, SIZE * k, colour, room=WIDEST * k)
                marks.append(mark)
                if number and (opts.values is None or value in opts.values):
                    marks.append(
                        label(x + mark.width + 8 * k, y, f"= {number}", 12 * k, colours.ink2)
                    )
            y += max(down, 2 * k) + GAP * k
        return marks

    # ---------------------------------------------------------------- the chain rule

    def chain(self) -> list[Piece]:
        """The chain rule along the path, in symbols and, for plain numbers, in numbers."""
        if not self.path:
            return []
        scene, k, path = self.scene, self.k, self.path
        pairs = list(zip(path[1:], path, strict=False))[::-1]

        def part(a: int, b: int) -> str:
            return rf"\frac{{\partial {scene.tex(a)}}}{{\partial {scene.tex(b)}}}"

        factors = [part(a, b) for a, b in pairs]
        more = count_routes(scene, path[0], path[-1]) > 1
        left = rf"\frac{{d {scene.tex(path[-1])}}}{{d {scene.tex(path[0])}}}"
        right = r" \cdot ".join(factors) + (r" + \cdots" if more else "")
        texs = [f"{left} = {right}"]
        numbers = [self.local(a, b) for a, b in pairs]
        if all(numbers) and scene.all_scalar:
            product = 1.0
            for a, b in pairs:
                product *= self.number(a, b)
            shown = r" \cdot ".join(_bracketed(number_tex(n)) for n in numbers)
            texs.append(f"{shown} = {number_tex(units.number(product))}")
        lines: list[Piece] = [words("Chain rule along the framed path", self.colours.ink, k, True)]
        for tex in texs:
            mark = formula(0, 0, tex, SIZE * k, self.colours.ink)
            # A fraction is taller than a row: it takes two.
            lines += (
                [([], 0.0), ([mark], mark.width)]
                if "frac" in tex
                else [([], 0.0), ([mark], mark.width)]
            )
        if more:
            word = "one of several paths: the gradient is the sum over all of them"
            lines += [words(word, self.colours.ink2, k)]
        return lines

    def slots(self, op: int, value: int) -> list[int]:
        return [s for s, v in enumerate(self.scene.inputs[op]) if v == value]

    def number(self, op: int, value: int) -> float:
        entries = [self.scene.local[op, s].item for s in self.slots(op, value)]
        return sum(e for e in entries if e is not None)

    def local(self, op: int, value: int) -> str:
        slots = self.slots(op, value)
        entries = [self.scene.local.get((op, s)) for s in slots]
        if not entries or any(e is None or e.item is None for e in entries):
            return ""
        return units.number(self.number(op, value))


def _bracketed(tex: str) -> str:
    return f"({tex})" if tex.startswith("-") else tex


def route(scene: Scene, ends: tuple[str, str]) -> list[int]:
    """A path between two values: the longest, unless that is too long to be spelled out; then a shortest.

    Raises: UsageError when there is none.
    """
    starts, stops = scene.resolve(ends[0]), scene.resolve(ends[1])
    longest: dict[int, list[int]] = {v: [v] for v in starts}
    shortest = dict(longest)
    for op in scene.forward:
        come = [v for v in dict.fromkeys(scene.inputs[op]) if v in longest]
        if come and op not in starts:
            longest[op] = [*max((longest[v] for v in come), key=len), op]
            shortest[op] = [*min((shortest[v] for v in come), key=len), op]
    for stop in sorted(stops):
        if stop in longest and stop not in starts:
            found = longest[stop]
            return found if len(found) <= SPELLED else shortest[stop]
    raise UsageError(
        f"path={ends!r}: no path leads from {ends[0]!r} to {ends[1]!r}; the second end must be computed from "
        "the first, such as path=('w', 'loss')."
    )


def count_routes(scene: Scene, start: int, stop: int) -> int:
    """How many paths there are between two values, at most 2 are told apart."""
    ways = {start: 1}
    for op in scene.forward:
        total = sum(ways.get(v, 0) for v in dict.fromkeys(scene.inputs[op]))
        if total and op != start:
            ways[op] = min(total, 2)
    return ways.get(stop, 0)
