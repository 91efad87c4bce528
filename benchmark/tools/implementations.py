"""Importing the function that implements a tool, by the function's name.

The name is `package.module:function` or `/path/to/file.py:function`. Two other forms name a remote tool.
`openapi:/path/to/spec.yaml:tool` sends an HTTP request, and `mcp:SERVER:tool` calls an MCP server.

A user's module is imported in two places. The main process imports the module to read its tools, and the sandbox's
worker imports the module to run its tools. Both import the module in the same way, so that both get the same module.
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

__all__ = ["argument_adapter", "implementation", "import_source", "is_file_source", "is_remote"]

_REMOTE_SCHEMES = ("openapi", "mcp")


def is_remote(run: str) -> bool:
    """Whether `run` names a remote tool (`SCHEME:SOURCE:TOOL`) instead of a function."""
    scheme, _, rest = run.partition(":")
    return scheme in _REMOTE_SCHEMES and all(rest.rpartition(":"))


def is_file_source(source: str | Path) -> bool:
    """Whether `source` names a Python file instead of a dotted module."""
    return isinstance(source, Path) or source.endswith(".py")


def import_source(source: str | Path) -> ModuleType:
    """Import a dotted module or a `.py` file. A process runs a file only once.

    Raises:
        FileNotFoundError: There is no such file.
        Exception: Any error that the imported code raises.
    """
    if not is_file_source(source):
        return importlib.import_module(str(source))
    path = Path(source).resolve()
    # If the module had the bare name of the file, a user's `calendar.py` would replace the standard library's module.
    name = f"toolmark_source_{digest(str(path))}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Python resolves annotations through sys.modules, so the module must be in sys.modules while its code runs.
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
        Exception: Any error that the imported code raises.
    """
    if is_remote(run):
        scheme, _, rest = run.partition(":")
        module = importlib.import_module(f"toolmark.benchmark.tools.remote.{scheme}")
        source, _, name = rest.rpartition(":")
        remote: Callable[..., Any] = module.bound(source, name)
        return module, remote
    source, colon, name = run.rpartition(":")
    if not colon or not source or not name.isidentifier():
        raise ValueError(f"{run!r} does not have the form module:function or file.py:function")
    module = import_source(source)
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"{source} defines no function {name}")
    return module, function


def argument_adapter(function: Callable[..., Any]) -> TypeAdapter[Any]:
    """Pydantic's adapter of a function.

    The adapter gives the JSON Schema of the function's arguments, and calls the function with JSON arguments.

    Raises:
        PydanticUserError: A type has no JSON Schema.
        NameError: An annotation uses a name that does not exist.
    """
    # pydantic accepts functions, although its annotation of TypeAdapter does not say so.
    adapted: Any = function
    return TypeAdapter(adapted)
