"""The memory of a step in words: what ``graphscope memory`` prints, and ``print(p.peak())``."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graphscope import units

if TYPE_CHECKING:
    from graphscope.analysis.holders import StepMemory


def text(memory: StepMemory, by: str = "category", top: int = 12, width: int = 120) -> str:
    """The report of one step: its peak, what it is made of, and the ``top`` largest buffers."""
    where = f" ({memory.line})" if memory.line else ""
    lines = [
        f"step {memory.step}: peak {units.bytes_(memory.peak)}, while {memory.at or 'nothing'}{where} runs"
    ]
    lines.append(
        f"{units.bytes_(memory.start)} alive when it began, {units.bytes_(memory.end)} when it ended"
    )
    for pool in memory.pools:
        lines.append(
            f"pool of {pool.device}: {units.bytes_(pool.used)} in use when it began, {units.bytes_(pool.peak)} at most, "
            f"{units.bytes_(pool.reserved)} held, {units.bytes_(pool.workspace)} workspace of one op at most"
        )
    lines.append("")
    for key, size in memory.by(by):
        lines.append(
            f"  {units.bytes_(size):>10}  {units.share(size / max(memory.peak, 1)):>7}  {_clean(key)}"
        )
    lines += ["", *_buffers(memory, top, width)]
    if top < len(memory.holders):
        lines.append(f"{len(memory.holders) - top} more buffers not shown")
    return "\n".join(lines)


def _buffers(memory: StepMemory, top: int, width: int) -> list[str]:
    from graphscope.analysis.holders import full_label

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("bytes", "value", "shape", "what", "line", "why it is alive"):
        last = name == "why it is alive"
        table.add_column(name, justify="right" if name == "bytes" else "left", no_wrap=not last,
                         overflow="fold" if last else "ellipsis")  # fmt: skip
    for h in memory.holders[:top]:
        table.add_row(
            units.bytes_(h.nbytes), Text(units.clip(_clean(full_label(h)), 28)), h.shape, h.category, Text(_clean(h.line)),
            Text(_clean(h.why)),
        )  # fmt: skip
    out = StringIO()
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(table)
    return [line.rstrip() for line in out.getvalue().rstrip().splitlines()]


def _clean(text: str) -> str:
    """Control characters would garble the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
