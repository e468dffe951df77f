"""Forward and reverse mode: the graph with its dual numbers or adjoints, beside the table of steps."""

from __future__ import annotations

from graphscope.errors import UsageError
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Mark, Rect, arrow, label, moved
from graphscope.view.encode import NOT_REACHED, value_text
from graphscope.view.palette import theme
from graphscope.view.pattern import line
from graphscope.view.styles import formulas, signs
from graphscope.view.styles.options import Options
from graphscope.view.styles.page import NOT_YET, Piece, page, ring, tooltip, words
from graphscope.view.styles.place import Cell, place
from graphscope.view.styles.scene import Scene
from graphscope.view.typeset import formula, measure

SIZE, NUMBER, HEAD = 15.0, 13.0, 13.0
ROW, PAD, COLUMN = 30.0, 10.0, 22.0
MOST = 200
WIDEST = 420.0


def forward(scene: Scene, opts: Options) -> Drawing:
    """Values and tangents, moving up through the graph together."""
    return _Mode(scene, opts, "dot").drawing()


def reverse(scene: Scene, opts: Options) -> Drawing:
    """Values on the way up, adjoints on the way down."""
    return _Mode(scene, opts, "bar").drawing()


class _Mode:
    def __init__(self, scene: Scene, opts: Options, sign: str) -> None:
        if len(scene.forward) > MOST:
            raise UsageError(
                f"style={opts.style!r} writes a row for each op, and this graph has {len(scene.forward):,} of them (the "
                f"limit is {MOST}). Draw it with style='graph'."
            )
        self.scene, self.opts, self.sign, self.k = scene, opts, sign, opts.large
        self.colours = theme(opts.theme)
        self.direction = opts.direction or "up"
        self.marked = scene.marked(opts)
        self.values = [*scene.leaves, *scene.forward]
        if sign == "dot":
            order = [scene.seed] if scene.seed is not None else []
            self.values = [*order, *(v for v in self.values if v not in order)]

    # ---------------------------------------------------------------- numbers

    def first(self, value: int, opts: Options) -> str:
        return self.scene.value_text(value, opts)

    def second(self, value: int, opts: Options) -> str:
        """The tangent, or the adjoint."""
        if self.sign == "bar":
            text = self.scene.grad_text(value, opts)
            return "" if self.scene.pending(text) or text == NOT_REACHED else text
        if opts.grads is not None and value not in opts.grads:
            return ""
        entry = self.scene.tangents.get(value)
        return value_text(entry) if entry is not None else "0" if self.scene.tangents else "\u2014"

    # ---------------------------------------------------------------- the graph

    def cell(self, value: int) -> Cell:
        k, full = self.k, Options()
        name = measure(self.scene.tex(value), SIZE * k)[0]
        if value >= 0:
            name += measure(signs.sign(self.scene, value), SIZE * k)[0] + 22 * k
        wide = fonts.width(f"({self.first(value, full)}, {self.second(value, full)})", NUMBER * k)
        return Cell(value, max(name, wide, 40 * k) + 2 * PAD * k, 52.0 * k)

    def graph(self) -> tuple[list[Mark | Cluster], float, float]:
        cells = [self.cell(v) for v in self.values]
        index = {cell.value: at for at, cell in enumerate(cells)}
        wires = [
            (index[v], index[i], 0)
            for i in self.scene.forward
            for v in dict.fromkeys(self.scene.inputs[i])
            if v in index
        ]
        placing = place(cells, wires, self.direction)
        body: list[Mark | Cluster] = []
        for points in placing.routes:
            body += arrow(points, 1.5, self.colours.edge)
        for cell in cells:
            id = f"n{cell.value}" if cell.value >= 0 else f"p{-1 - cell.value}"
            body.append(
                Cluster(id, tooltip(self.scene, cell.value, self.opts), tuple(self.paint(cell)))
            )
        return body, placing.width, placing.height

    def paint(self, cell: Cell) -> list[Mark]:
        k, colours, value = self.k, self.colours, cell.value
        family = self.scene.graph.op_info(value).family if value >= 0 else "data"
        colour = colours.families.get(family, colours.families["other"])
        radius = 8.0 if value >= 0 else cell.h / 2
        marks: list[Mark] = []
        if value in self.marked:
            marks.append(ring(cell.x, cell.y, cell.w, cell.h, radius, colours))
        edge = colours.ink if colours.patterns else colour
        marks.append(
            Rect(cell.x, cell.y, cell.w, cell.h, radius, colours.tinted(colour), edge, 1.0)
        )
        y = cell.y + 20 * k
        if value >= 0:
            marks.append(formula(cell.x + PAD * k, y, self.scene.tex(value), SIZE * k, colours.ink))
            right, sign = cell.x + cell.w - PAD * k, signs.sign(self.scene, value)
            marks.append(formula(right, y, sign, SIZE * k, colours.ink2, anchor="end"))
        else:
            middle = cell.x + cell.w / 2
            tex = self.scene.tex(value)
            marks.append(formula(middle, y, tex, SIZE * k, colours.ink, anchor="middle"))
        first, second = self.first(value, self.opts), self.second(value, self.opts)
        return [*marks, *self.dual(first, second, cell.x + cell.w / 2, cell.y + 41 * k)]

    def dual(self, first: str, second: str, middle: float, y: float) -> list[Mark]:
        """``(2.00, 1.00)`` with each number in its colour."""
        k, colours = self.k, self.colours
        pieces = [("(", colours.ink2), (first, colours.value), (", ", colours.ink2),
                  (second, colours.gradient), (")", colours.ink2)]  # fmt: skip
        if not first and not second:
            return []
        if not second:
            pieces = [(first, colours.value)]
        x = middle - sum(fonts.width(t, NUMBER * k) for t, _ in pieces) / 2
        marks: list[Mark] = []
        for text, colour in pieces:
            marks.append(label(x, y, text, NUMBER * k, colour))
            x += fonts.width(text, NUMBER * k)
        return marks

    # ---------------------------------------------------------------- the table

    def rows(self) -> list[tuple[int, list[str]]]:
        """By value: TeX of the primal side and of the second side."""
        scene, out = self.scene, []
        for value in self.values:
            tex = scene.tex(value)
            primal = f"{tex} = {formulas.forward(scene, value)}" if value >= 0 else tex
            left = formulas.decorated(tex, self.sign)
            if self.sign == "bar":
                right = formulas.adjoint(scene, value)
                if not scene.wants(value):
                    left = right = ""
            elif value >= 0:
                right = formulas.tangent(scene, value)
            else:
                right = ""
            out.append((value, [primal, f"{left} = {right}" if right else left]))
        return out

    def table(self) -> tuple[list[Mark], float, float]:
        k, colours, full = self.k, self.colours, Options()
        rows = self.rows()
        second = "adjoint" if self.sign == "bar" else "tangent"
        heads = ("primal", second)
        forms = [max(min(measure(r[1][c], SIZE * k)[0], WIDEST * k) for r in rows) for c in (0, 1)]
        numbers = [
            max(fonts.width(f"= {say(r[0], full)}", NUMBER * k) for r in rows)
            for say in (self.first, self.second)
        ]
        blocks = [max(f + 8 * k + n, 70 * k) for f, n in zip(forms, numbers, strict=True)]
        starts = [18 * k, 18 * k + blocks[0] + 2 * COLUMN * k]
        wide = starts[1] + blocks[1] + 22 * k
        marks: list[Mark] = []
        for start, head, colour in zip(
            starts, heads, (colours.value, colours.gradient), strict=True
        ):
            marks.append(label(start, 14 * k, head, HEAD * k, colour, bold=True))
        y = 24 * k
        marks.append(line((0, y), (wide, y), 1.2, colours.ink2))
        top = y
        leaf = True
        for value, texs in rows:
            heights = [measure(tex, SIZE * k) for tex in texs]
            up = max(max(h[1] for h in heights), 10 * k)
            down = max(max(h[2] for h in heights), 4 * k)
            if leaf and value >= 0:
                marks.append(line((0, y), (wide, y), 0.7, colours.line))
                leaf = False
            tall = max(up + down + 10 * k, ROW * k)
            base = y + (tall + up - down) / 2
            if value in self.marked:
                marks.append(Rect(0, y + 1, wide, tall - 2, 4, "", colours.focus, 1.6))
            for c, (tex, say) in enumerate(zip(texs, (self.first, self.second), strict=True)):
                mark = formula(starts[c], base, tex, SIZE * k, colours.ink, room=forms[c])
                number = say(value, self.opts)
                blank = not number and c == 1 and self.opts.grads is not None
                if c == 0 or not blank:
                    marks.append(mark)
                if number:
                    colour = (colours.value, colours.gradient)[c]
                    right = starts[c] + blocks[c]
                    marks.append(
                        label(right, base, f"= {number}", NUMBER * k, colour, anchor="end")
                    )
            y += tall
        marks.append(line((0, y), (wide, y), 1.2, colours.ink2))
        middle = starts[0] + blocks[0] + COLUMN * k
        marks.append(line((middle, top), (middle, y), 0.7, colours.line))
        # The arrows say in which order a column is read.
        marks += arrow(_column(6 * k, top + 6, y - 6), 1.4, colours.value)
        ends = (y - 6, top + 6) if self.sign == "bar" else (top + 6, y - 6)
        marks += arrow(_column(wide - 6 * k, *ends), 1.4, colours.gradient)
        return marks, wide, y

    # ---------------------------------------------------------------- together

    def drawing(self) -> Drawing:
        body, width, height = self.graph()
        table, wide, tall = self.table()
        gap = 56.0 * self.k
        full = max(height, tall)
        out: list[Mark | Cluster] = []
        for item in body:
            dy = (full - height) / 2
            if isinstance(item, Cluster):
                marks = tuple(moved(mark, 0, dy) for mark in item.marks)
                out.append(Cluster(item.id, item.title, marks))
            else:
                out.append(moved(item, 0, dy))
        out += [moved(mark, width + gap, (full - tall) / 2) for mark in table]
        return page(out, width + gap + wide, full, self.colours, self.opts, self.legend())

    def legend(self) -> list[Piece]:
        scene, colours, k = self.scene, self.colours, self.k
        if self.sign == "bar":
            second = "adjoint, d(output)/d(value)" if scene.has_gradients else NOT_YET
        elif scene.seed is not None:
            second = f"tangent, d(value)/d({scene.name(scene.seed)})"
        else:
            second = "no tangents: forward mode needs live tensors, gs.draw(y, style='forward')"
        pieces = [words("value", colours.value, k)]
        pieces.append(words(second, colours.gradient, k))
        return pieces


def _column(x: float, start: float, end: float) -> list[tuple[float, float]]:
    third = (end - start) / 3
    return [(x, start), (x, start + third), (x, end - third), (x, end)]
