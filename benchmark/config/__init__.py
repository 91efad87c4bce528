"""The options of an evaluation: the types of options, and the sources of option values."""
