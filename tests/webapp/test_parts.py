"""What the page is made of before anything is asked: tags, the bundle of scripts and styles, parts made late."""

import os
import threading

import pytest

from graphscope.webapp.bundle import SCRIPT, STYLE, Bundle
from graphscope.webapp.components import tags
from graphscope.webapp.part import Part


def test_text_and_attributes_are_escaped_and_markup_is_not():
    inner = tags.Span("a < b & c", title='"><script>')
    assert inner == '<span title="&quot;&gt;&lt;script&gt;">a &lt; b &amp; c</span>'
    made = tags.Div([inner, "<i>"], className="x", tabIndex="0", hidden=True, id=False)
    assert made == f'<div class="x" tabindex="0" hidden>{inner}&lt;i&gt;</div>'


def test_the_bundle_holds_the_files_in_their_order_and_notices_a_change(tmp_path):
    for name, text in {
        "css/b.css": "b {}",
        "css/a.css": "a {}",
        "js/01_x.js": "x;",
        "js/00_y.js": "y;",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    bundle = Bundle(tmp_path)
    first = bundle.now()
    assert bundle.now() is first
    script, style = first.bodies[SCRIPT].decode(), first.bodies[STYLE].decode()
    assert -1 < script.index("y;") < script.index("x;") and style.index("a {}") < style.index(
        "b {}"
    )
    assert script.count("reportError") == 2  # a file that fails leaves the others alone
    file = tmp_path / "js" / "00_y.js"
    file.write_text("z;")
    os.utime(file, ns=(1, 1))
    second = bundle.now()
    assert b"z;" in second.bodies[SCRIPT]
    assert second.address(SCRIPT) != first.address(SCRIPT)
    assert second.address(STYLE) == first.address(STYLE)


def test_a_part_is_made_once_and_tried_again_when_it_failed():
    asked, may = [], threading.Event()

    def make():
        asked.append(1)
        if len(asked) == 1:
            raise OSError
        may.wait(10)
        return object()

    part = Part(make)
    with pytest.raises(OSError):
        part.get()
    found = []
    threads = [threading.Thread(target=lambda: found.append(part.get())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert part.made is None
    may.set()
    for thread in threads:
        thread.join()
    assert len(asked) == 2 and len(set(map(id, found))) == 1 and part.made is found[0]
