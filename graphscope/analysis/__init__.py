"""Small tables out of a trace: pure functions of a reader and arrays."""
