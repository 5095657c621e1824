"""Flows: the file's model, loading, validation, and the engine that steps through one. No I/O."""
