"""A real llama.cpp server on loopback, from the package xllamacpp, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["llama_cpp_server"]

PROGRAM = """
import json, sys, xllamacpp
asked = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel = asked["file"], asked["context"], 1
params.chat_template, params.use_jinja = asked["template"], True
params.cpuparams.n_threads, params.n_gpu_layers, params.warmup, params.verbosity = 1, 0, False, 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def llama_cpp_server(file: Path, *, template: str = "", context: int = 2048) -> Iterator[str]:
    """Run a server until the context ends, and yield its address.

    Args:
        file: The GGUF file.
        template: The chat template. Empty for the template in the file.
        context: The number of tokens of the context.
    """
    asked = json.dumps({"file": str(file), "template": template, "context": context})
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, asked],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
