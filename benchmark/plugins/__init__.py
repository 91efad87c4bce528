"""The protocols of plug-ins, and the command-line commands that plug-ins get."""
