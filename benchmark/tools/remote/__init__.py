"""Calls remote tools. Each module implements one protocol.

Each module has a function `bound(source, name)`, which returns a function that calls a tool. The arguments of the tool
are passed by keyword. Remote tools are called only in the worker process of the sandbox, and only if `--execute` allows
their effects.
"""
