"""Connects to the runtime that a spec names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from toolmark.benchmark.candidates.deployed import gguf_candidate, server_address
from toolmark.benchmark.candidates.spec import Candidate, resolve
from toolmark.benchmark.candidates.weights import fetch
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.bounded_http import json_objects
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.chat_address import ChatAddress, without_version
from toolmark.benchmark.engine.json_server import BadReply, JsonServer
from toolmark.benchmark.engine.runtimes.known_runtimes import LlamaCpp, Ollama, Vllm
from toolmark.benchmark.engine.runtimes.llama_server import llama_server
from toolmark.benchmark.engine.runtimes.runtime import Runtime
from toolmark.benchmark.engine.server_facts import ServerKind, server_facts

__all__ = ["connected", "runtime_at"]

_KINDS: Mapping[ServerKind, type[Runtime]] = {"llama.cpp": LlamaCpp, "vLLM": Vllm, "Ollama": Ollama}


@contextmanager
def connected(spec: str, seconds: float, threads: int = 1) -> Iterator[Runtime]:
    """Connect to the runtime of a spec. For a GGUF file, llama.cpp's server runs until the context ends.

    Args:
        spec: The spec of a deployed model, see `candidates/deployed.py`.
        seconds: The limit on the time of a request.
        threads: Number of processor threads of a server that is started here.

    Raises:
        InputError: The spec is neither a server nor a GGUF file.
        EnvironmentFault: The server cannot be reached or started, or it lists no model.
    """
    found = server_address(spec)
    if found is not None:
        yield _runtime(*found, seconds, spec)
        return
    if (candidate := resolve(spec)).kind == "inspect":
        yield runtime_at(_address(candidate, seconds), seconds)
        return
    with llama_server(fetch(gguf_candidate(spec)).base, threads=threads) as url:
        yield _runtime(url, None, seconds, spec)


def _runtime(url: str, model: str | None, seconds: float, spec: str) -> Runtime:
    root = JsonServer(without_version(url), {}, seconds)
    return runtime_at(ChatAddress(url, {}, model or _first_model(root, spec)), seconds)


def runtime_at(address: ChatAddress, seconds: float) -> Runtime:
    """Ask the server at an address which program it is, and return the runtime.

    Args:
        address: The address and the model.
        seconds: The limit on the time of a request.
    """
    url, model = address.url, address.model
    root = JsonServer(without_version(url), address.headers, seconds)
    path = f"{url.removeprefix(root.url).rstrip('/') or '/v1'}/chat/completions"
    facts = server_facts(root, model)
    return _KINDS.get(facts.kind, Runtime)(root, model, facts, path)


def _address(candidate: Candidate, seconds: float) -> ChatAddress:
    from toolmark.benchmark.engine.served_requests import ServedModel

    address = ServedModel(candidate.base, RequestLimits(1, seconds, 0)).address
    if address is None:
        raise InputError(
            f"--deployed {candidate.name} has no address of OpenAI's chat completions",
            "Give the address of the server, for example --deployed http://127.0.0.1:8080",
        )
    return address


def _first_model(root: JsonServer, spec: str) -> str:
    listed = None
    with suppress(BadReply):
        listed = root.get("/v1/models").get("data")
    names = [one.get("id") for one in json_objects(listed)]
    if not names or not isinstance(names[0], str):
        raise EnvironmentFault(
            f"the server at {spec} cannot be reached, or lists no model", "Start the server, and check its address."
        )
    if len(names) > 1:
        raise InputError(
            f"the server at {spec} has {len(names)} models: {', '.join(map(str, names[:8]))}",
            f"Choose one: --deployed {spec}#NAME",
        )
    return names[0]
