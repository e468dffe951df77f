"""The trace: one SQLite file per run. ``TraceWriter`` writes it, ``TraceReader`` reads it."""
