"""The bridge: it listens to the engine and writes facts into a trace."""
