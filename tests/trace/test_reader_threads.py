"""One reader, several threads: none may see another's rows, and closing waits for who is reading."""

from __future__ import annotations

import threading
from pathlib import Path

from graphscope.trace.reader import TraceReader
from tests import golden


def test_a_reader_that_is_closed_while_others_read(tmp_path: Path) -> None:
    reader = TraceReader(golden.build("digits_like", tmp_path))
    wanted = len(reader.steps())
    problems: list[BaseException] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                assert len(reader.steps()) == wanted
                reader.values(-1)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(150):
        reader.close()
    over.set()
    for thread in threads:
        thread.join()
    reader.close()
    assert problems == []
