"""The tables of a trace file, and the meaning of their integer columns.

A trace is one SQLite database in WAL mode. Topology and timings are stored as little-endian array
blobs (a row per operation would cost thirty times the space and the time); everything that a person
may want to query by hand (steps, scalars, texts, findings) is an ordinary column.
"""

from __future__ import annotations

FORMAT = 4
ALIKE = 2  # from this one on, files are read as they are

# nodes blob: int32[n, 8]
OP, PHASE, SCOPE, SITE, TWIN, SLOT, PARAMS, FLAGS = range(8)
NODE_COLUMNS = 8

# phases
DATA, FORWARD, BACKWARD, UPDATE = range(4)
PHASES = ("data", "forward", "backward", "update")

# flags
VIEW, INPLACE, EXTRA, WANTS_GRAD, COPY, FAILED = 1, 2, 4, 8, 16, 32

# ports blob: int32[p, 4] = name, kind, scope, const
PORT_COLUMNS = 4
MEDIA_KINDS = ("image", "histogram", "hparams")

PORT_KINDS = (
    "input",
    "parameter",
    "constant",
    "carried",
    "buffer",
    "gradient",
    "optimizer_state",
)

# freed column
SURVIVED, NO_MEMORY = -1, -2

BORN = "born"  # the fact of which ports a step made itself (record/births.py)

FAMILIES = ("linalg", "pointwise", "reduce", "shape", "loss", "data", "other")

SQL = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE strings (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE ops (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, family TEXT NOT NULL, tex TEXT NOT NULL,
    vjp_tex TEXT NOT NULL, inputs TEXT NOT NULL, doc TEXT NOT NULL, is_view INTEGER NOT NULL);
CREATE TABLE sites (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL, line INTEGER NOT NULL, func TEXT NOT NULL);
CREATE TABLE sources (file TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE specs (
    id INTEGER PRIMARY KEY, shape TEXT NOT NULL, dtype TEXT NOT NULL, nbytes INTEGER NOT NULL,
    device TEXT NOT NULL);
CREATE TABLE graphs (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL, kind TEXT NOT NULL, n INTEGER NOT NULL,
    parent INTEGER NOT NULL, diverged_at INTEGER NOT NULL, nodes BLOB NOT NULL, edges BLOB NOT NULL,
    ports BLOB NOT NULL, kept BLOB NOT NULL, names BLOB NOT NULL, plan BLOB NOT NULL);
CREATE TABLE shape_sets (id INTEGER PRIMARY KEY, graph INTEGER NOT NULL, specs BLOB NOT NULL);
CREATE TABLE costs (shape_set INTEGER PRIMARY KEY, flops BLOB NOT NULL, traffic BLOB NOT NULL);
CREATE TABLE steps (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, num INTEGER NOT NULL, graph INTEGER NOT NULL,
    shape_set INTEGER NOT NULL, status TEXT NOT NULL, t0_ns INTEGER NOT NULL,
    wall_ns INTEGER NOT NULL, rec_ns INTEGER NOT NULL, loss REAL, nonfinite INTEGER NOT NULL,
    columns BLOB, shift INTEGER NOT NULL, freed BLOB, dev BLOB, live0 INTEGER NOT NULL, note TEXT,
    looked INTEGER NOT NULL DEFAULT 1, held INTEGER NOT NULL DEFAULT 1, chunk INTEGER, place INTEGER,
    data_ns INTEGER, forward_ns INTEGER, backward_ns INTEGER, update_ns INTEGER, copy_ns INTEGER);
CREATE UNIQUE INDEX steps_num ON steps (kind, num);
CREATE TABLE stretches (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE devices (
    step INTEGER NOT NULL, device TEXT NOT NULL, start_ns INTEGER NOT NULL, busy_ns INTEGER NOT NULL,
    idle_ns INTEGER NOT NULL, used INTEGER NOT NULL, reserved INTEGER NOT NULL, peak INTEGER NOT NULL,
    workspace INTEGER NOT NULL, PRIMARY KEY (step, device)) WITHOUT ROWID;
CREATE TABLE survivors (
    step INTEGER NOT NULL, node INTEGER NOT NULL, nbytes INTEGER NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (step, node)) WITHOUT ROWID;
CREATE TABLE alive (
    step INTEGER NOT NULL, category TEXT NOT NULL, nbytes INTEGER NOT NULL, PRIMARY KEY (step, category)
) WITHOUT ROWID;
CREATE TABLE tensors (step INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE moments (graph INTEGER PRIMARY KEY, n INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE scalars (
    id INTEGER PRIMARY KEY, tag TEXT NOT NULL, step INTEGER NOT NULL, value REAL,
    wall_ns INTEGER NOT NULL);
CREATE INDEX scalars_tag ON scalars (tag, id);
CREATE TABLE texts (
    id INTEGER PRIMARY KEY, tag TEXT NOT NULL, step INTEGER NOT NULL, text TEXT NOT NULL,
    wall_ns INTEGER NOT NULL);
CREATE TABLE media (
    id INTEGER PRIMARY KEY, tag TEXT NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL,
    data BLOB NOT NULL, wall_ns INTEGER NOT NULL);
CREATE TABLE findings (
    id INTEGER PRIMARY KEY, step INTEGER NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL,
    node INTEGER NOT NULL, title TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE facts (
    id INTEGER PRIMARY KEY, graph INTEGER NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE commands (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
    status TEXT NOT NULL);
"""
# graphs, shape_sets: columns of integers, squeezed since format 3 (trace/squeezed.py); then nodes has the edges,
# the ports and what is kept too, and since format 4 names and plan, but for what was found out later, which stands in
# its column. specs has the costs too since format 4.
# facts: JSON about a graph that is in none of its columns (record/facts.py); files without this table are whole.
# steps.looked: 1 if deaths of memory and source lines were noted in this step, 0 if it repeated its graph
# and those of the graph stand for them (since format 2; before, every step was looked at).
# stretches: numbers of many steps once more, those of a kind from id first to id last (trace/stretches.py). The rows
# of steps are what counts: a file without this table is whole. Who changes or deletes a row of a step with such an id
# deletes the stretch.
# steps.columns holds the times of `held` steps at once (since format 2): a step's own stand in the row whose
# id is `chunk`, at `place` in it; chunk is NULL where they were thinned away. Since format 4 those of one short step
# by itself did not go through zlib (trace/codec.py).
# steps.data_ns ... update_ns: time in the ops of each phase, kept where the columns are thinned away; what is
# missing to wall_ns is Python between the ops. NULL: the step has no timings.
# steps.copy_ns: time in copies between devices (nodes with the flag COPY), which is in none of those phases.
# steps.dev: uint32[n] device time of each node, then uint32[n] how long the device was idle before it; where
# several streams worked, then also the high and the low words (two uint32[n]) of when it began, plus 2**62; where one
# of them is longer than 32 bits of nanoseconds, then also the high words of the first two columns.
# Otherwise it began start_ns + all that came before. Times are from the step's t0_ns on.
# devices: of a step on a device, when its first idle time began, time in ops and idle between them, and of its
# memory pool: bytes in use at the step's begin, held, at most in use, and most taken and given back by one op.
# survivors: memory made by a node of a step that was still there when step `seen` was looked at, two steps
# later or more. Only steps that were looked at have rows.
# alive: bytes alive when a step that was looked at ended, by what they were at birth. live0 is their sum, in the
# steps after it with what those leave behind.
# costs: arithmetic operations and bytes moved of each node, int64[n], in the shapes of a shape set that was added without.
# media: what a program logs beside numbers and texts: image (a PNG file), histogram (the blob of trace/values.py
# with one entry, value 0), hparams (JSON: hparams, metrics, domains). Since format 2.
# tensors.step refers to steps.id (the sequence), so that eval steps can hold values too.
# scalars.value NULL stands for NaN: SQLite stores no NaN.
