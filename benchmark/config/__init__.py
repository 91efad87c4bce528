"""The options of an evaluation: their types, and the sources of their values."""
