"""Calling remote tools: one protocol in each module. Only the sandbox's worker calls them, if `--execute` allows it.

Each module has a function `bound(source, name)`. It returns a function that takes the tool's arguments by keyword.
"""
