"""Calling remote tools.

Each module implements one protocol. Only the sandbox's worker calls these tools, if `--execute` allows it.

Each module has a function `bound(source, name)`. It returns a function that takes the tool's arguments by keyword.
"""
