"""Asks the server of a model what it is: its name and version, the file of the model, the quantisation, the template.

Each kind of server has an address that tells this without generating anything. A server of another kind answers these
requests with an error, and then nothing is known about the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

from toolmark.benchmark.candidates.fingerprint import template_hash
from toolmark.benchmark.core.bounded_http import json_objects
from toolmark.benchmark.core.printing import brief
from toolmark.benchmark.engine.json_server import BadReply, JsonServer

__all__ = ["NOT_TOLD", "ServerFacts", "ServerKind", "server_facts"]

ServerKind = Literal["llama.cpp", "vLLM", "Ollama", "LM Studio", "unknown"]

NOT_TOLD = "not known, because the server does not tell it"
"""The value of a condition that a server does not tell."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server tells about itself.

    Attributes:
        kind: The program that serves the model.
        told: What the server tells: `version`, `model`, `model_file` (without its folder), `quantisation`, `template`
            (the hash of the chat template) and `context` (the number of tokens). What is not told is left out.
        template: The text of the chat template. None if the server does not tell it. Ollama's templates are written in
            Go's language of templates.
        special: The special tokens that the template can write: `bos_token` and `eos_token`, as text.
    """

    kind: ServerKind
    told: Mapping[str, Any] = field(default_factory=dict)
    template: str | None = None
    special: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the program and its version."""
        return " ".join(str(part) for part in (self.kind, self.told.get("version")) if part)

    def as_json(self) -> dict[str, Any]:
        """Return the kind and what the server told, for the record of a run."""
        return {"kind": self.kind, **self.told}


def server_facts(root: JsonServer, model: str) -> ServerFacts:
    """Return what a server tells about itself.

    Args:
        root: The server, with the address without `/v1`.
        model: The name of the model in requests.
    """
    for ask in (_llama_cpp, _ollama, _vllm, _lm_studio):
        try:
            return ask(root, model)
        except BadReply as error:
            if error.status is None:  # There is no server, or it is silent. Further requests would only take time.
                break
    return ServerFacts("unknown")


def _facts(kind: ServerKind, template: object = None, **told: object) -> ServerFacts:
    text = template if isinstance(template, str) and template else None
    kept = {name: brief(value) if isinstance(value, str) else value for name, value in told.items() if value}
    if text is not None:
        kept["template"] = template_hash(text)
    return ServerFacts(kind, kept, text)


def _field(fields: Any, *path: str | int) -> Any:
    """Return a value deep inside a reply. None if a part of the path does not exist."""
    for key in path:
        if isinstance(fields, dict):
            fields = fields.get(key)
        elif isinstance(fields, list) and isinstance(key, int) and key < len(fields):
            fields = fields[key]
        else:
            return None
    return fields


def _llama_cpp(root: JsonServer, model: str) -> ServerFacts:
    props = root.get("/props")
    if "default_generation_settings" not in props:
        raise BadReply("not the properties of llama.cpp", 200)
    file = props.get("model_path")
    facts = _facts(
        "llama.cpp",
        props.get("chat_template"),
        version=props.get("build_info"),
        model=None if model == file else model,
        model_file=PurePath(file).name if isinstance(file, str) else None,
        quantisation=props.get("model_ftype") or _listed(root, "data", 0, "meta", "ftype"),
        context=_field(props, "default_generation_settings", "n_ctx"),
    )
    special = {name: text for name in ("bos_token", "eos_token") if isinstance(text := props.get(name), str)}
    return replace(facts, special=special)


def _listed(root: JsonServer, *path: str | int) -> Any:
    with suppress(BadReply):
        return _field(root.get("/v1/models"), *path)
    return None


def _ollama(root: JsonServer, model: str) -> ServerFacts:
    version = root.get("/api/version").get("version")
    shown: dict[str, Any] = {}
    with suppress(BadReply):
        shown = root.post("/api/show", {"model": model})
    return _facts(
        "Ollama",
        shown.get("template"),
        version=version,
        model=model,
        quantisation=_field(shown, "details", "quantization_level"),
    )


def _vllm(root: JsonServer, model: str) -> ServerFacts:
    version = root.get("/version").get("version")
    served = next((one for one in json_objects(_listed(root, "data")) if one.get("id") == model), {})
    return _facts("vLLM", version=version, model=served.get("root") or model, context=served.get("max_model_len"))


def _lm_studio(root: JsonServer, model: str) -> ServerFacts:
    models = json_objects(_field(root.get("/api/v0/models"), "data"))
    found = next((one for one in models if one.get("id") == model), {})
    return _facts(
        "LM Studio",
        model=model,
        quantisation=found.get("quantization"),
        context=found.get("loaded_context_length") or found.get("max_context_length"),
    )
