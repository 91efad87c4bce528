"""The program that runs llama.cpp's server, from the package xllamacpp, on a GGUF file.

    python llama_server_process.py SETTINGS

SETTINGS is a JSON object with `file`, `context` (number of tokens), `threads` and `template` (empty for the template in
the file). The program prints the address of the server, and runs until its standard input is closed.
"""

from __future__ import annotations

import json
import sys


def run(settings: dict[str, object]) -> None:
    """Run the server."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["file"]
    params.n_ctx = settings["context"]
    params.cpuparams.n_threads = settings["threads"]
    params.chat_template = settings["template"]
    params.use_jinja = True
    params.n_parallel = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
