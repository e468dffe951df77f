"""Files in memory for the tests of saving and loading."""

from __future__ import annotations

import io
import zipfile

import graphscope as gs


def written(value):
    file = io.BytesIO()
    gs.save(value, file)
    return file.getvalue()


def loaded(data, **options):
    return gs.load(io.BytesIO(data), **options)


GOOD = written(
    {"w": gs.arange(20).reshape(4, 5), "b": gs.ones(3), "name": "net", "n": [1, 2.5, None, (True,)]}
)


def archive(body, **records):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("archive/data.pkl", body)
        for name, data in {"data/0": bytes(160), "data/1": bytes(12), **records}.items():
            z.writestr(f"archive/{name}", data)
    return out.getvalue()
