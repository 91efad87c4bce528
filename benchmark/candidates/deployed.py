"""Resolves the specs of deployed models: models that a server answers for, as users ask them.

http://127.0.0.1:8080         the address of a server with OpenAI's chat completions
http://127.0.0.1:11434#NAME   one of the models of such a server
path/to/model.gguf            a GGUF file, in any form that `--model` takes: llama.cpp's server is started on the file
openai-api/local/NAME         an Inspect model with OpenAI's chat completions
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from toolmark.benchmark.candidates.gguf_files import is_gguf
from toolmark.benchmark.candidates.spec import Candidate, resolve
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.secrets import remember_command

__all__ = ["deployed_candidate", "gguf_candidate", "is_server", "server_address"]

_ADDRESS = re.compile(r"https?://[^\s#]+(#\S*)?\Z")


def server_address(spec: str) -> tuple[str, str | None] | None:
    """Return the address of a server, and the name of a model on the server. The name is None if the spec has none.

    Return None if the spec is not an address.
    """
    if not _ADDRESS.match(spec):
        return None
    url, _, model = spec.partition("#")
    return url.rstrip("/"), model or None


def is_server(spec: str) -> bool:
    """Return True if a spec names a server that already runs, and False if it names a GGUF file for a new server."""
    return server_address(spec) is not None or resolve(spec).kind == "inspect"


def gguf_candidate(spec: str) -> Candidate:
    """Return the candidate of a GGUF file.

    Raises:
        InputError: The spec is not the name of a GGUF file.
    """
    candidate = resolve(spec)
    if candidate.adapter is None and (candidate.file or (candidate.kind == "local" and is_gguf(Path(candidate.base)))):
        return candidate
    raise InputError(
        f"--deployed {spec} is neither a server nor a GGUF file",
        "Start a server with the model, and give its address: --deployed http://127.0.0.1:8080",
    )


def deployed_candidate(spec: str) -> Candidate:
    """Return the candidate for the spec of a deployed model. The network is not used, and nothing is started.

    Raises:
        InputError: The spec is neither a server nor a GGUF file nor an Inspect model.
    """
    found = server_address(spec)
    if found is not None:
        remember_command(spec)
        address = urlsplit(found[0])
        place = f"{address.hostname}:{address.port}" if address.port else address.hostname
        return Candidate("deployed", "/".join(filter(None, ("deployed", place, found[1]))), spec)
    candidate = resolve(spec)
    if candidate.kind != "inspect":
        candidate = gguf_candidate(spec)
    return Candidate("deployed", f"deployed/{candidate.name}", spec)
