"""From the name of an implementation to the function: `package.module:function` or `/path/to/file.py:function`.

Two further forms name something live: `openapi:/path/to/spec.yaml:tool` sends an HTTP request, `mcp:SERVER:tool` calls
an MCP server.

The same import serves the source that reads a user's module and the sandboxed worker that runs it, so both see one
module.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from toolmark.benchmark.core.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["argument_adapter", "implementation", "import_source", "is_file_source", "is_live"]

_LIVE = ("openapi", "mcp")


def is_live(run: str) -> bool:
    """Whether `run` is of the form `SCHEME:SOURCE:TOOL` and not the name of a function."""
    scheme, _, rest = run.partition(":")
    return scheme in _LIVE and all(rest.rpartition(":"))


def is_file_source(source: str | Path) -> bool:
    """Whether `source` names a Python file and not a dotted module."""
    return isinstance(source, Path) or source.endswith(".py")


def import_source(source: str | Path) -> ModuleType:
    """Import a dotted module or a `.py` file; a file is executed once in a process.

    Raises:
        Whatever the import raises; FileNotFoundError for a missing file.
    """
    if not is_file_source(source):
        return importlib.import_module(str(source))
    path = Path(source).resolve()
    # Under its stem alone, the user's `calendar.py` would replace the standard library's.
    name = f"toolmark_source_{digest(str(path))}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Annotations are resolved through sys.modules, so the module must be there while it runs.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def implementation(run: str) -> tuple[ModuleType, Callable[..., Any]]:
    """The module and function that `run` names.

    Raises:
        ValueError: `run` has no `:function`, or the module has no such function.
        Whatever the import raises.
    """
    if is_live(run):
        scheme, _, rest = run.partition(":")
        module = importlib.import_module(f"toolmark.benchmark.tools.remote.{scheme}")
        source, _, name = rest.rpartition(":")
        live: Callable[..., Any] = module.bound(source, name)
        return module, live
    source, colon, name = run.rpartition(":")
    if not colon or not source or not name.isidentifier():
        raise ValueError(f"{run!r} is not of the form module:function or file.py:function")
    module = import_source(source)
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"{source} defines no function {name}")
    return module, function


def argument_adapter(function: Callable[..., Any]) -> TypeAdapter[Any]:
    """Pydantic's view of a function: its arguments' JSON Schema, and a call of it from JSON.

    Raises:
        PydanticUserError, NameError: A type has no schema, or an annotation names what does not exist.
    """
    # pydantic accepts functions, which its own annotation of TypeAdapter does not say.
    described: Any = function
    return TypeAdapter(described)
