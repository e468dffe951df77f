"""All our style sheets as one and all our scripts as one: two requests where there were ninety.

Nothing is translated or packed: the files stand one after the other, each under its name, and a file that
fails leaves the others alone. The address carries a digest of the content, so a browser asks once.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from graphscope.webapp import theme

STYLE, SCRIPT = "/assets/all.css", "/assets/all.js"


@dataclass(frozen=True)
class Bundled:
    """One state of the files: path -> what is served there, and the addresses with their digests."""

    bodies: dict[str, bytes]
    digests: dict[str, str]

    def address(self, path: str) -> str:
        return f"{path}?v={self.digests[path]}"


class Bundle:
    """The files of ``folder``, put together again when one of them changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stamp: object = None
        self._made: Bundled | None = None

    def now(self) -> Bundled:
        """What the files are now."""
        with self._lock:
            files = {
                kind: sorted((self._folder / kind).glob(f"*.{kind}")) for kind in ("css", "js")
            }
            stamp = [
                (f.name, s.st_mtime_ns, s.st_size)
                for found in files.values()
                for f, s in ((f, f.stat()) for f in found)
            ]
            if self._made is None or stamp != self._stamp:
                bodies = {
                    STYLE: "".join([theme.style_sheet(), *map(_sheet, files["css"])]).encode(),
                    SCRIPT: "".join(map(_script, files["js"])).encode(),
                }
                digests = {k: hashlib.sha256(b).hexdigest()[:16] for k, b in bodies.items()}
                self._made, self._stamp = Bundled(bodies, digests), stamp
            return self._made


def _sheet(file: Path) -> str:
    return f"/* ---- {file.name} ---- */\n{file.read_text('utf-8')}\n"


def _script(file: Path) -> str:
    body = file.read_text("utf-8")
    return f"/* ---- {file.name} ---- */\ntry {{\n{body}\n}} catch (error) {{\n  reportError(error);\n}}\n"
