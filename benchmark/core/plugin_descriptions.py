"""Reads the descriptions of plug-ins from their source, so that a list of commands imports no plug-in."""

from __future__ import annotations

import ast
import inspect
from importlib.abc import InspectLoader
from importlib.util import find_spec, resolve_name

__all__ = ["described"]


def described(target: str) -> str | None:
    """Return the docstring of a function or class without the section of its parameters. The module is not imported.

    Args:
        target: Where the function or class is defined, or imported from another module, as `module:attribute`.

    Returns:
        None if the source or the docstring cannot be found.
    """
    module, _, name = target.partition(":")
    try:
        spec = find_spec(module)
        source = spec.loader.get_source(module) if spec and isinstance(spec.loader, InspectLoader) else None
        statements = ast.parse(source or "").body
    except (ImportError, SyntaxError, ValueError):
        return None
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            text = inspect.cleandoc(ast.get_docstring(node) or "")
            return text.partition("Parameters\n----------")[0].strip() or None
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    package = module if spec and spec.submodule_search_locations else module.rpartition(".")[0]
                    origin = resolve_name("." * node.level + (node.module or ""), package)
                    return described(f"{origin}:{alias.name}")
    return None
