"""Returns what can change the answers of a deployed model, before the model answers."""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.candidates.deployed import gguf_candidate, is_server
from toolmark.benchmark.candidates.fingerprint import template_hash
from toolmark.benchmark.candidates.gguf_files import gguf_hash
from toolmark.benchmark.candidates.gguf_header import read_gguf_header
from toolmark.benchmark.candidates.weights import fetch
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.engine.server_facts import NOT_TOLD

__all__ = ["deployed_identity"]

_SECONDS = 10.0
"""The limit on the time of each request that asks a server what it is."""

_UNQUANTISED = {"all F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""llama.cpp's names of types without quantisation, and the names that Toolmark uses."""


def deployed_identity(spec: str) -> dict[str, Any]:
    """Return the weights, the quantisation and the chat template of a deployed model, as fields of an identity.

    A GGUF file is identified by its hash. A server is identified by what it tells about itself: its name and version,
    the name of the model or of its file, the quantisation and the template.

    Args:
        spec: The spec of the deployed model, see `candidates/deployed.py`.

    Raises:
        InputError: The GGUF file cannot be read.
        EnvironmentFault: The file cannot be downloaded, or the server cannot be reached.
    """
    if is_server(spec):
        with connected(spec, _SECONDS) as runtime:
            facts = runtime.facts
        model = facts.told.get("model_file") or facts.told.get("model") or runtime.model
        return {
            "weights": f"not known: {model}, served by {facts.name}",
            "dtype": _dtype(str(facts.told.get("quantisation", NOT_TOLD))),
            "template": str(facts.told.get("template", NOT_TOLD)),
        }
    from gguf import LlamaFileType

    file = fetch(gguf_candidate(spec)).base
    fields = read_gguf_header(file).fields
    kind, template = fields.get("general.file_type"), fields.get("tokenizer.chat_template")
    known = {int(one): _dtype(one.name.removeprefix("MOSTLY_").replace("ALL_", "all ")) for one in LlamaFileType}
    return {
        "weights": gguf_hash(file)[:16],
        "dtype": known.get(int(kind), f"file type {kind}") if isinstance(kind, int) else NOT_TOLD,
        "template": template_hash(template) if isinstance(template, str) else NOT_TOLD,
    }


def _dtype(name: str) -> str:
    return _UNQUANTISED.get(name, name)
