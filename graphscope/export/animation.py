"""A figure that plays: GIF and APNG by Pillow, MP4 by ffmpeg. One frame per op, forward and then backward.

All frames share one palette in which every colour of the figure itself is exact, so nothing is dithered
and areas that do not change do not flicker.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphscope.errors import UsageError
from graphscope.export.files import writing
from graphscope.export.play import BACKWARD, FORWARD, Moment, grouped, moments, start
from graphscope.export.png import png_bytes
from graphscope.view.drawing import Drawing, Mark, Rect, label
from graphscope.view.palette import theme

if TYPE_CHECKING:
    from graphscope.export.figure import Figure

DPI = 144
SECONDS, FIRST, LAST = 0.9, 1.2, 3.0  # per frame; the first and the last one stay longer
MOST = 120  # frames; neighbours are shown together where there are more
WIDEST, LARGEST = 1920, 300_000_000  # pixels: a side of a frame, all frames together
STRIP = 36.0
FPS = 10
OPTIONS = ("dpi", "seconds", "captions")

Pixels = NDArray[np.uint8]


def captioned(drawing: Drawing, look: str, moment: Moment, k: int, n: int) -> Drawing:
    """The drawing with a line below it: how far the play is, and what just ran."""
    colours = theme(look)
    tone = {FORWARD: colours.value, BACKWARD: colours.gradient}.get(moment.phase, colours.ink2)
    y, wide = drawing.height, drawing.width
    count = label(wide - 16, y + 23, f"{k} / {n}", 11, colours.ink2, anchor="end", mono=True)
    word = label(16, y + 23, moment.phase, 12, tone, bold=True)
    left = 16 + word.width + 10
    room = wide - 16 - count.width - 12 - left
    marks: list[Mark] = [
        Rect(0, y, wide, STRIP, 0, colours.surface),
        Rect(0, y, wide, 2, 0, colours.line),
        Rect(0, y, wide * k / max(n, 1), 2, 0, tone),
        word,
        count,
    ]
    if room > 30:
        marks.append(label(left, y + 23, moment.says, 12, colours.ink, room=room))
    return replace(drawing, height=y + STRIP, items=[*drawing.items, *marks])


def frames(figure: Figure, captions: bool = True) -> tuple[list[Drawing], list[float]]:
    """The pictures of the animation, from before the first op to the end, and their seconds (of 1)."""
    drawings = []
    if figure.history:
        last = len(figure.history) - 1
        for k, (num, says, each) in enumerate(figure.history):
            drawing = each.drawing
            if captions:
                of_step = Moment(f"step {num}", says, "", frozenset(), frozenset(), ())
                drawing = captioned(drawing, figure.theme, of_step, k, last)
            drawings.append(drawing)
        return drawings, [1 / 3] * last + [LAST]
    played = [start(figure), *grouped(moments(figure), MOST)]
    last = len(played) - 1
    for k, moment in enumerate(played):
        drawing = moment.drawn(figure)
        if captions:
            drawing = captioned(drawing, figure.theme, moment, k, last)
        drawings.append(drawing)
    return drawings, [FIRST, *[1.0] * (last - 1), LAST]


def _asked(options: dict[str, Any]) -> tuple[float, float, bool]:
    seconds = options.get("seconds", SECONDS)
    dpi = options.get("dpi", DPI)
    for name, value, low, high in (("seconds", seconds, 0.02, 60), ("dpi", dpi, 1, 2400)):
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not low <= value <= high
        ):
            raise UsageError(
                f"{name}={value!r} is not possible: pass a number from {low} to {high}."
            )
    return float(dpi), float(seconds), bool(options.get("captions", True))


def _pixels(
    figure: Figure, dpi: float, captions: bool
) -> tuple[list[Drawing], Iterator[Pixels], list[float]]:
    drawings, lengths = frames(figure, captions)
    first = drawings[0]
    sides = first.width * first.scale, first.height * first.scale
    # a frame that is larger than a projector only costs time
    dpi = min(dpi, 96 * WIDEST / max(sides))
    total = sides[0] * sides[1] * (dpi / 96) ** 2 * len(drawings)
    if total > LARGEST:
        dpi *= (LARGEST / total) ** 0.5
    return drawings, (_rendered(d, dpi) for d in drawings), lengths


def _rendered(drawing: Drawing, dpi: float) -> Pixels:
    from PIL import Image

    with Image.open(io.BytesIO(png_bytes(drawing, dpi))) as image:
        return np.asarray(image.convert("RGB"))


def write_pictures(figure: Figure, path: str, **options: Any) -> None:
    """Write a ``.gif`` or ``.apng`` that plays for ever; takes ``dpi``, ``seconds`` and ``captions``."""
    from PIL import Image

    dpi, seconds, captions = _asked(options)
    drawings, rendered, lengths = _pixels(figure, dpi, captions)
    pictures = list(rendered)
    table = _palette(drawings, pictures)
    nearest = _Nearest(table)
    images = []
    for picture in pictures:
        image = Image.fromarray(nearest(picture), mode=None)
        image.putpalette(table.tobytes())
        images.append(image)
    # GIF counts in hundredths of a second
    times = [max(round(seconds * share * 100), 2) * 10 for share in lengths]
    gif = path.lower().endswith(".gif")
    more: dict[str, Any] = {"disposal": 1, "optimize": False} if gif else {"default_image": False}
    with writing(path, binary=True) as file:
        images[0].save(
            file,
            format="GIF" if gif else "PNG",
            save_all=True,
            append_images=images[1:],
            duration=times,
            loop=0,
            **more,
        )


def _palette(drawings: Sequence[Drawing], pictures: Sequence[Pixels]) -> NDArray[np.uint8]:
    """256 colours: those of the marks, exactly, then what the edges of letters and lines need most."""
    exact = {drawings[0].background.upper()}
    for drawing in (drawings[0], drawings[len(drawings) // 2], drawings[-1]):
        for mark in drawing.marks():
            for name in ("fill", "stroke", "colour"):
                exact.add(str(getattr(mark, name, "")).upper())
    chosen = [int(c[1:], 16) for c in sorted(exact) if len(c) == 7][:160]
    seen: dict[int, int] = {}
    for picture in (pictures[-1], pictures[len(pictures) // 2]):
        colours, counts = np.unique(_packed(picture), return_counts=True)
        for colour, number in zip(colours.tolist(), counts.tolist(), strict=True):
            seen[colour] = seen.get(colour, 0) + number
    for colour in chosen:
        seen.pop(colour, None)
    # coarse cells: one colour per cell, so that the many shades of one edge do not take every place
    cells: dict[int, tuple[int, int]] = {}
    for colour, number in seen.items():
        cell = colour & 0xF0F0F0
        best = cells.get(cell, (0, colour))
        cells[cell] = (best[0] + number, best[1] if best[0] > number else colour)
    common = sorted(cells.values(), key=lambda c: (-c[0], c[1]))
    chosen += [colour for _, colour in common[: 256 - len(chosen)]]
    chosen += [chosen[0]] * (256 - len(chosen))
    return np.array([divmod(c >> 8, 256) + (c & 255,) for c in chosen], np.uint8)


def _packed(picture: Pixels) -> NDArray[np.uint32]:
    wide = picture.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], np.uint32)


class _Nearest:
    """The place in the palette of every pixel; a colour is looked for once."""

    def __init__(self, table: NDArray[np.uint8]) -> None:
        self.table = table.astype(np.int32)
        self.place = np.zeros(1 << 24, np.uint8)
        self.known = np.zeros(1 << 24, np.bool_)

    def __call__(self, picture: Pixels) -> Pixels:
        packed = _packed(picture)
        new = np.unique(packed[~self.known[packed]])
        for at in range(0, len(new), 4096):
            part = new[at : at + 4096].astype(np.int64)
            rgb = np.stack([part >> 16, part >> 8 & 255, part & 255], 1)
            away = ((rgb[:, None, :] - self.table[None]) ** 2).sum(2)
            self.place[part] = away.argmin(1)
            self.known[part] = True
        found: Pixels = self.place[packed]
        return found


# ---------------------------------------------------------------- MP4


def ffmpeg() -> str:
    """The ffmpeg program: that on PATH, else that of the package imageio-ffmpeg.

    Raises: UsageError when there is neither.
    """
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        raise UsageError(
            "an .mp4 needs ffmpeg, and there is none on PATH: pip install imageio-ffmpeg, or save it as .gif, "
            ".apng or .html."
        ) from None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def write_film(figure: Figure, path: str, **options: Any) -> None:
    """Write an ``.mp4`` (H.264, plays everywhere); takes ``dpi``, ``seconds`` and ``captions``."""
    dpi, seconds, captions = _asked(options)
    program = ffmpeg()
    _, rendered, lengths = _pixels(figure, dpi, captions)
    # ffmpeg seeks in what it writes, so it gets a file of its own, and the film comes whole or not at all
    with tempfile.TemporaryDirectory(prefix="graphscope") as folder:
        made = os.path.join(folder, "film.mp4")
        with open(os.path.join(folder, "said"), "w+b") as said:
            pictures = map(_even, rendered)
            first = next(pictures)
            film = _encoder(program, first.shape, made, said)
            try:
                for picture, share in zip(chain([first], pictures), lengths, strict=True):
                    if not _feed(film, picture.tobytes(), max(round(seconds * share * FPS), 1)):
                        break
                _feed(film, b"", 0)
            except BaseException:
                film.kill()
                raise
            finally:
                failed = film.wait() != 0
            if failed:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise UsageError(
                    f"ffmpeg could not make {path!r}: {(lines or ['it gave no reason'])[-1][:200]}"
                )
        with writing(path, binary=True) as file, open(made, "rb") as film_file:
            shutil.copyfileobj(film_file, file)


def _feed(film: subprocess.Popen[bytes], picture: bytes, times: int) -> bool:
    """Hand a picture to ffmpeg, or none at the end; False when it has ended already (it says why)."""
    assert film.stdin is not None
    try:
        for _ in range(times):
            film.stdin.write(picture)
        if not times:
            film.stdin.close()
    except BrokenPipeError:
        return False
    return True


def _even(picture: Pixels) -> Pixels:
    """H.264 halves the colour planes: odd sides get a line more."""
    tall, wide = picture.shape[:2]
    return np.pad(picture, ((0, tall % 2), (0, wide % 2), (0, 0)), mode="edge")


def _encoder(
    program: str, shape: tuple[int, ...], path: str, said: IO[bytes]
) -> subprocess.Popen[bytes]:
    size = f"{shape[1]}x{shape[0]}"
    given = f"-f rawvideo -pix_fmt rgb24 -s {size} -r {FPS} -i -"
    made = "-c:v libx264 -preset medium -crf 18 -tune animation -pix_fmt yuv420p -movflags +faststart -f mp4"
    command = [program, "-y", "-loglevel", "error", *given.split(), "-an", *made.split(), path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=said)
