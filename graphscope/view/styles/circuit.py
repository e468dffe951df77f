"""Circuit: round gates on wires, the value above each wire and its gradient below, as on a blackboard.

|  w0 ──1.00──▶ ( × ) ──−1.00──▶ ( + ) ──...      above the wire: value
|     −0.105            0.105                     below: gradient; in a chip before the gate: local derivative
"""

from __future__ import annotations

import math

from graphscope.errors import UsageError
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Mark, Path, Rect, arrow, label
from graphscope.view.level import Point
from graphscope.view.palette import Theme, theme
from graphscope.view.pattern import line
from graphscope.view.styles import signs
from graphscope.view.styles.options import Options
from graphscope.view.styles.page import (
    Piece,
    families,
    gradient_word,
    page,
    ring,
    tooltip,
    words,
)
from graphscope.view.styles.place import Cell, Placing, place
from graphscope.view.styles.scene import Scene
from graphscope.view.typeset import formula, measure

SHOW = ("name", "value", "grad", "local_grad")
SIZE, CHIP, SIGN, NAME = 13.0, 11.0, 17.0, 14.0
RADIUS, PITCH = 19.0, 34.0
LEAST_STUB, BEND = 44.0, 16.0
LONGEST = 150.0  # px that a name may take


def draw(scene: Scene, opts: Options) -> Drawing:
    """The circuit of a graph."""
    if opts.direction not in (None, "right"):
        raise UsageError(
            f"a circuit runs to the right, its numbers stand above and below the wires; direction={opts.direction!r} "
            "is for the styles graph, modules and math. Leave it out."
        )
    colours = theme(opts.theme)
    painter = _Circuit(scene, opts, colours)
    return painter.drawing()


class _Circuit:
    def __init__(self, scene: Scene, opts: Options, colours: Theme) -> None:
        self.scene, self.opts, self.colours = scene, opts, colours
        self.k = opts.large
        self.show = opts.parts(SHOW)
        self.wire = colours.ink3 if not colours.patterns else colours.ink
        self.stroke = 1.2 if colours.patterns else 1.8
        self.marked = scene.marked(opts)
        # The room for numbers is that of the finished picture: frames of an animation do not move.
        self.full = Options()
        self.cells = [self.leaf(v) for v in scene.leaves] + [self.gate(i) for i in scene.forward]
        self.index = {cell.value: at for at, cell in enumerate(self.cells)}
        # By op: at which of a gate's entries each of its wires arrives.
        self.entry = {i: list(range(len(self.wired(i)))) for i in scene.forward}

    def wired(self, op: int) -> list[int]:
        """The inputs that come by wire; numbers stand on the gate."""
        return [v for v in self.scene.inputs[op] if not self.scene.is_number(v)]

    def placed(self) -> Placing:
        """The layout; where the order of inputs means nothing, wires arrive in the order in which they come."""
        first = self._place()
        changed = False
        for i in self.scene.forward:
            if self.scene.graph.op_name(i) not in signs.COMMUTE:
                continue
            wired = self.wired(i)
            heights = [self._middle(v) for v in wired]
            order = sorted(range(len(wired)), key=lambda slot: (heights[slot], slot))
            entry = [order.index(slot) for slot in range(len(wired))]
            changed |= entry != self.entry[i]
            self.entry[i] = entry
        return self._place() if changed else first

    def _place(self) -> Placing:
        wires = [
            (self.index[v], self.index[i], self.entry[i][slot])
            for i in self.scene.forward
            for slot, v in enumerate(self.wired(i))
        ]
        return place(self.cells, wires, "right", tight=18.0)

    def _middle(self, value: int) -> float:
        cell = self.cells[self.index[value]]
        return cell.y + cell.h / 2

    # ---------------------------------------------------------------- sizes

    def numbers(self, value: int, opts: Options) -> tuple[str, str]:
        above = self.scene.value_text(value, opts) if "value" in self.show else ""
        below = self.scene.grad_text(value, opts) if "grad" in self.show else ""
        if self.scene.pending(below):
            below = ""  # the legend says why
        return above, below

    def stub(self, value: int) -> float:
        """How long the wire behind a gate must be for its two numbers."""
        texts = self.numbers(value, self.full)
        wide = max(fonts.width(t, SIZE * self.k) for t in texts)
        return max(wide + 16 * self.k, LEAST_STUB * self.k)

    def named(self, value: int) -> str:
        return self.scene.graph.name(value) or "" if "name" in self.show else ""

    def leaf(self, value: int) -> Cell:
        name = self.scene.name(value) if "name" in self.show else ""
        wide = min(fonts.width(fonts.clean(name), NAME * self.k, True), LONGEST) + 8 * self.k
        h = 44.0 * self.k
        return Cell(value, wide + self.stub(value), h, (), h / 2, extra={"name": wide})

    def gate(self, op: int) -> Cell:
        k = self.k
        tex = signs.sign(self.scene, op)
        r = RADIUS * k
        wide = max(2 * r, measure(tex, SIGN * k)[0] + 18 * k)
        wired = self.wired(op)
        chips = [self.chip(op, slot) for slot in self.slots(op)]
        chip = max((fonts.width(c, CHIP * k) + 10 * k for c in chips if c), default=0.0)
        left = (chip + 4 * k if chip else 0.0) + (BEND * k if len(wired) > 1 else 10 * k)
        right = self.stub(op)
        end = 0.0
        if op not in self.scene.users and self.named(op):
            end = min(fonts.width(self.named(op), NAME * k, True), LONGEST) + 8 * k
        h = max(48.0 * k, len(wired) * PITCH * k)
        ins = tuple(h / 2 + (s - (len(wired) - 1) / 2) * PITCH * k for s in range(len(wired)))
        return Cell(op, left + wide + right + end, h, ins, h / 2,
                    extra={"left": left, "gate": wide, "right": right, "chip": chip, "tex": tex})  # fmt: skip

    def slots(self, op: int) -> list[int]:
        return [s for s, v in enumerate(self.scene.inputs[op]) if not self.scene.is_number(v)]

    def chip(self, op: int, slot: int) -> str:
        return self.scene.local_text(op, slot) if "local_grad" in self.show else ""

    # ---------------------------------------------------------------- marks

    def drawing(self) -> Drawing:
        placing = self.placed()
        body: list[Mark | Cluster] = []
        for route in placing.routes:
            body.append(Path(route, self.wire, self.stroke))
        for cell in self.cells:
            marks = self.paint_leaf(cell) if cell.value < 0 else self.paint_gate(cell)
            id = f"n{cell.value}" if cell.value >= 0 else f"p{-1 - cell.value}"
            body.append(Cluster(id, tooltip(self.scene, cell.value, self.opts), tuple(marks)))
        lines = self.explained() if self.opts.explain else []
        return page(
            body, placing.width, placing.height, self.colours, self.opts, self.legend(), lines
        )

    def paint_numbers(self, value: int, x: float, y: float, wide: float) -> list[Mark]:
        above, below = self.numbers(value, self.opts)
        k, marks = self.k, []
        middle = x + wide / 2
        if above:
            marks.append(
                label(middle, y - 7 * k, above, SIZE * k, self.colours.value, anchor="middle")
            )
        if below and not (value < 0 and below == "\u2014"):
            marks.append(
                label(middle, y + 17 * k, below, SIZE * k, self.colours.gradient, anchor="middle")
            )
        return list(marks)

    def paint_leaf(self, cell: Cell) -> list[Mark]:
        k, y = self.k, cell.y + cell.h / 2
        wide = float(cell.extra["name"])  # type: ignore[arg-type]
        name = self.scene.name(cell.value) if "name" in self.show else ""
        marks: list[Mark] = []
        if name:
            marks.append(
                label(cell.x, y + 5 * k, name, NAME * k, self.colours.ink, bold=True, room=LONGEST)
            )
        marks.append(line((cell.x + wide, y), (cell.x + cell.w, y), self.stroke, self.wire))
        marks += self.paint_numbers(cell.value, cell.x + wide, y, cell.w - wide)
        if cell.value in self.marked:
            marks.insert(0, ring(cell.x, cell.y + 4, cell.w, cell.h - 8, 8, self.colours))
        return marks

    def paint_gate(self, cell: Cell) -> list[Mark]:
        k, colours, op = self.k, self.colours, cell.value
        left, wide, right, chip = (
            float(cell.extra[key])  # type: ignore[arg-type]
            for key in ("left", "gate", "right", "chip")
        )
        y, r = cell.y + cell.h / 2, RADIUS * k
        x0 = cell.x + left
        family = self.scene.graph.op_info(op).family
        colour = colours.families.get(family, colours.families["other"])
        marks: list[Mark] = []
        for slot, entry in zip(self.slots(op), self.entry[op], strict=True):
            at = cell.ins[entry]
            marks += self.arrive(cell, cell.y + at, x0, y, r, chip, self.chip(op, slot))
        end = x0 + wide + right
        last = op not in self.scene.users
        if last:
            marks += arrow(_spline((x0 + wide, y), (end, y)), self.stroke, self.wire)
        else:
            marks.append(line((x0 + wide, y), (cell.x + cell.w, y), self.stroke, self.wire))
        if op in self.marked:
            marks.append(ring(x0, y - r, wide, 2 * r, r, colours))
        ink = colours.ink if colours.patterns else colour
        marks.append(Rect(x0, y - r, wide, 2 * r, r, colours.tinted(colour), ink, self.stroke))
        tex = str(cell.extra["tex"])
        _, up, down = measure(tex, SIGN * k)
        marks.append(
            formula(
                x0 + wide / 2,
                y + (up - down) / 2,
                tex,
                SIGN * k,
                colours.ink,
                anchor="middle",
                room=wide - 8,
            )
        )
        marks += self.paint_numbers(op, x0 + wide, y, right)
        name = self.named(op)
        if name and last:
            marks.append(
                label(end + 6 * k, y + 5 * k, name, NAME * k, colours.ink, bold=True, room=LONGEST)
            )
        elif name:
            middle = x0 + wide / 2
            marks.append(
                label(
                    middle,
                    y - r - 5 * k,
                    name,
                    11 * k,
                    colours.ink2,
                    anchor="middle",
                    bold=True,
                    room=wide + right * 0.5,
                )
            )
        return marks

    def arrive(
        self, cell: Cell, y: float, x0: float, middle: float, r: float, chip: float, text: str
    ) -> list[Mark]:
        """The last piece of an input's wire: straight under its chip, then into the gate."""
        k = self.k
        bend = cell.x + (chip + 4 * k if chip else 2.0)
        lift = max(min((y - middle) / max(PITCH * k, 1.0), 1.0), -1.0) * r * 0.62
        target = (x0 + r - math.sqrt(max(r * r - lift * lift, 0.0)), middle + lift)
        marks: list[Mark] = [line((cell.x, y), (bend, y), self.stroke, self.wire)]
        marks += arrow(
            [(bend, y), (bend + 5 * k, y), (target[0] - 7 * k, target[1]), target],
            self.stroke,
            self.wire,
        )
        if text:
            wide = fonts.width(text, CHIP * k) + 8 * k
            back = self.colours.surface
            at = cell.x + 2 * k
            marks.append(
                Rect(at, y - 8 * k, wide, 16 * k, 8 * k, back, self.colours.line, 1.0, (2.5, 2.0))
            )
            marks.append(
                label(at + wide / 2, y + 4 * k, text, CHIP * k, self.colours.ink2, anchor="middle")
            )
        return marks

    def legend(self) -> list[Piece]:
        scene, colours, k = self.scene, self.colours, self.k
        used = [scene.graph.op_info(i).family for i in scene.forward]
        pieces = families(used, colours, k) if len(set(used)) > 1 else []
        if "value" in self.show:
            pieces.append(words("above the wire: value", colours.value, k))
        if "grad" in self.show:
            pieces.append(gradient_word(scene, colours, self.opts, "below: gradient"))
        if any(self.chip(i, s) for i in scene.forward for s in self.slots(i)):
            text = label(26 * k, 0, "local derivative", 12 * k, colours.ink2)
            pill = Rect(
                0, -11 * k, 21 * k, 14 * k, 7 * k, colours.surface, colours.line, 1.0, (2.5, 2.0)
            )
            pieces.append(([pill, text], 26 * k + text.width))
        return pieces

    def explained(self) -> list[Piece]:
        """One sentence for each kind of gate, in the order in which they come."""
        k = self.k
        found: dict[str, int] = {}
        for op in self.scene.forward:
            found.setdefault(signs.kind(self.scene, op), op)
        lines: list[Piece] = []
        column = (
            max(
                (measure(signs.sign(self.scene, op), 13 * k)[0] for op in found.values()), default=0
            )
            + 14 * k
        )
        for sentence, op in found.items():
            mark = formula(0, 0, signs.sign(self.scene, op), 13 * k, self.colours.ink)
            text = label(column, 0, sentence, 12 * k, self.colours.ink2)
            lines.append(([mark, text], column + text.width))
        return lines


def _spline(a: Point, b: Point) -> list[Point]:
    dx, dy = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return [a, (a[0] + dx, a[1] + dy), (b[0] - dx, b[1] - dy), b]
