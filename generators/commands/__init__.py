"""The commands `toolmark generate` and `toolmark data`."""
