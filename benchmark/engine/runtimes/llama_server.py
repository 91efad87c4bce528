"""Starts llama.cpp's server on a GGUF file, if the package xllamacpp is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile

from toolmark.benchmark.core.child_processes import kill, start
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.core.printing import brief

__all__ = ["llama_server"]

_PACKAGE = "xllamacpp"
_CONTEXT = 8192
"""The default size of the context, in tokens. The prompts of the shipped cases have fewer than 8,000 tokens."""

_LAST_BYTES = 300


@contextmanager
def llama_server(file: Path, *, template: str = "", context: int = _CONTEXT, threads: int = 1) -> Iterator[str]:
    """Run a server until the context manager ends, and yield its address.

    Args:
        file: The GGUF file.
        template: The chat template. Empty for the template in the file.
        context: The size of the context, in tokens.
        threads: Number of processor threads.

    Raises:
        EnvironmentFault: The package is not installed, or llama.cpp cannot load the file.
    """
    if find_spec(_PACKAGE) is None:
        raise EnvironmentFault(
            f"{file} needs llama.cpp's server, and the package {_PACKAGE} is not installed",
            f"Install: pip install {_PACKAGE}. Or start llama-server, and give its address.",
        )
    settings = {"file": str(file), "template": template, "context": context, "threads": threads}
    command = [sys.executable, "-P", str(Path(__file__).with_name("llama_server_process.py")), json.dumps(settings)]
    with TemporaryFile() as log:
        process = start(command, stdin=subprocess.PIPE, output=subprocess.PIPE, errors=log)
        try:
            address = process.stdout.readline().decode().strip() if process.stdout else ""
            if not address:
                log.seek(max(0, log.seek(0, 2) - _LAST_BYTES))
                raise EnvironmentFault(
                    f"llama.cpp cannot serve {file}: {brief(log.read().decode(errors='replace'))}",
                    "Check the file with: toolmark doctor --model FILE.gguf",
                )
            yield address
        finally:
            kill(process)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
