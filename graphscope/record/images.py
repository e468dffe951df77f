"""Pictures out of arrays, as ``add_image`` takes them, and the PNG files that a trace keeps.

Source of the format: W3C "Portable Network Graphics (PNG) Specification", sections 5 and 11.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.errors import UsageError

Pixels = NDArray[np.uint8]
COLUMNS = 8  # of a grid of images
_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}  # by number of channels: grey, grey + alpha, RGB, RGBA


def png(pixels: Pixels) -> bytes:
    """The PNG file of a ``[height, width, channels]`` array with 1 to 4 channels."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # a filter byte before each row: none
    rows[:, 1:] = np.ascontiguousarray(pixels).reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def to_pixels(array: NDArray[Any], dataformats: str) -> Pixels:
    """``[height, width, channels]`` bytes of an image, or of a grid of them where there is an ``N``.

    uint8 is taken as it is, everything else as 0 (black) to 1; what lies outside is clipped.

    Raises: UsageError when the letters do not fit the array.
    """
    letters = dataformats.upper()
    rule = "one of HW, HWC, CHW or, for several images, NHWC, NCHW"
    if len(set(letters)) != len(letters) or not set("HW") <= set(letters) <= set("NCHW"):
        raise UsageError(f"dataformats={dataformats!r} is no order of dimensions; give {rule}")
    if array.ndim != len(letters):
        raise UsageError(
            f"dataformats={dataformats!r} names {len(letters)} dimensions, and the image has shape "
            f"{tuple(array.shape)}; give {rule}"
        )
    if 0 in array.shape:
        raise UsageError(f"an image of shape {tuple(array.shape)} has no pixel")
    order = [letters.index(c) for c in "NHWC" if c in letters]
    image = array.transpose(order)
    if "C" not in letters:
        image = image[..., None]
    if image.shape[-1] not in _COLOUR_TYPE:
        raise UsageError(
            f"an image of shape {tuple(array.shape)} in {dataformats} has {image.shape[-1]} channels; it can "
            "have 1 (grey), 2 (and alpha), 3 (RGB) or 4 (RGBA). If the channels are elsewhere, say so: "
            f"dataformats is {rule}"
        )
    if image.dtype != np.uint8:
        scaled = np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0) * 255
        image = np.clip(scaled, 0, 255).astype(np.uint8)
    return grid(image) if "N" in letters else image


def grid(images: Pixels) -> Pixels:
    """Images ``[n, height, width, channels]`` side by side, eight in a row."""
    n, height, width, channels = images.shape
    columns = min(n, COLUMNS)
    rows = -(-n // columns)
    canvas = np.zeros((rows * columns, height, width, channels), np.uint8)
    canvas[:n] = images
    canvas = canvas.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return canvas.reshape(rows * height, columns * width, channels)


def boxed(pixels: Pixels, boxes: NDArray[Any]) -> Pixels:
    """A copy with the outlines of boxes ``[xmin, ymin, xmax, ymax]`` in red."""
    channels = pixels.shape[2]
    if channels < 3:
        colour = np.repeat(pixels[:, :, :1], 3, axis=2)
        pixels = np.concatenate([colour, pixels[:, :, 1:]], axis=2)
    out = pixels.copy()
    height, width = out.shape[:2]
    red = np.array([255, 0, 0, 255][: out.shape[2]], np.uint8)
    for x0, y0, x1, y1 in np.asarray(boxes, np.float64).reshape(-1, 4).tolist():
        left, right = (int(np.clip(round(x), 0, width - 1)) for x in (x0, x1))
        top, bottom = (int(np.clip(round(y), 0, height - 1)) for y in (y0, y1))
        out[[top, bottom], left : right + 1] = red
        out[top : bottom + 1, [left, right]] = red
    return out


def of_figure(figure: Any) -> bytes:
    """The PNG file of a matplotlib figure, which draws itself."""
    from io import BytesIO

    out = BytesIO()
    try:
        figure.savefig(out, format="png")
    except AttributeError:
        raise UsageError(
            f"add_figure takes matplotlib figures, not {type(figure).__name__}; pass an array to add_image"
        ) from None
    return out.getvalue()
