"""Tools that live elsewhere, one way to reach them a module; run by the sandbox's worker alone, as `--execute` lets it.

Each module has `bound(source, name)`: a function that takes the tool's arguments by keyword.
"""
