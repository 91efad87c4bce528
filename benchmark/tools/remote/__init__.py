"""Calls remote tools. The modules `mcp` and `openapi` implement one protocol each.

Both have a function `bound(source, name)`. It returns a function that calls the tool `name` of `source`. The returned
function takes the arguments of the tool as keyword arguments. Remote tools are called only in the worker process of the
sandbox, and only if `--execute` allows their effects.
"""
