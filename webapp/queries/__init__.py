"""Pure functions from a trace reader to the small tables that pages and routes send out."""
