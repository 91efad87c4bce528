"""Connects to the runtime that a spec names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.deployment.known_runtimes import LlamaCpp, Ollama, Vllm
from toolmark.benchmark.deployment.runtime import Runtime
from toolmark.benchmark.engine.chat_address import without_version
from toolmark.benchmark.engine.json_server import BadReply, JsonServer
from toolmark.benchmark.engine.server_facts import ServerKind, server_facts

__all__ = ["connect"]

_ADDRESS = re.compile(r"https?://\S+\Z")
_KINDS: Mapping[ServerKind, type[Runtime]] = {"llama.cpp": LlamaCpp, "vLLM": Vllm, "Ollama": Ollama}


def connect(spec: str, seconds: float, model: str | None = None) -> Runtime:
    """Return the runtime that a spec names.

    Args:
        spec: The address of a server, for example `http://127.0.0.1:8080`. Or an Inspect model with OpenAI's chat
            completions, for example `openai-api/local/NAME`.
        seconds: The limit on the time of a request.
        model: The name of the model in requests. None for the first model that the server lists.

    Raises:
        InputError: The spec is neither an address nor a served model.
        EnvironmentFault: The server cannot be reached, or it lists no model.
    """
    headers: dict[str, str] = {}
    if _ADDRESS.match(spec):
        url = spec.rstrip("/")
    else:
        url, headers, model = _of_inspect(spec, seconds)
    root = JsonServer(without_version(url), headers, seconds)
    path = f"{url.removeprefix(root.url).rstrip('/') or '/v1'}/chat/completions"
    model = model or _first_model(root, spec)
    facts = server_facts(root, model)
    return _KINDS.get(facts.kind, Runtime)(root, model, facts, path)


def _of_inspect(spec: str, seconds: float) -> tuple[str, dict[str, str], str]:
    candidate = resolve(spec)
    if candidate.kind != "inspect":
        raise InputError(
            f"--deployed {spec} is not a server",
            "Start a server with the model, and give its address: --deployed http://127.0.0.1:8080",
        )
    from toolmark.benchmark.engine.served_requests import ServedModel

    address = ServedModel(candidate.base, RequestLimits(1, seconds, 0)).address
    if address is None:
        raise InputError(
            f"--deployed {spec} has no address of OpenAI's chat completions",
            "Give the address of the server, for example --deployed http://127.0.0.1:8080",
        )
    return address.url, dict(address.headers), address.model


def _first_model(root: JsonServer, spec: str) -> str:
    listed = None
    with suppress(BadReply):
        listed = root.get("/v1/models").get("data")
    names = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not names or not isinstance(names[0], str):
        raise EnvironmentFault(
            f"the server at {spec} cannot be reached, or lists no model", "Start the server, and check its address."
        )
    if len(names) > 1:
        raise InputError(
            f"the server at {spec} has {len(names)} models: {', '.join(map(str, names[:8]))}",
            "Choose one: --deployed-model NAME",
        )
    return names[0]
