"""What is compared with what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.request import Request


def compared(request: Request) -> list[tuple[str, int | None]]:
    return [(candidate.name, baseline) for candidate, baseline in request.candidates()]


def test_with_a_baseline_the_base_of_an_adapter_answers_nothing(tmp_path: Path) -> None:
    adapter = tmp_path / "mine"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "pocket"}))
    (adapter / "adapter_model.safetensors").touch()
    models, adapters = ("pocket",), (str(adapter),)
    assert compared(Request(models, adapters)) == [("pocket", None), ("pocket+mine", 0)]
    recorded = Request(models, adapters, baseline="policy/never")
    assert compared(recorded) == [("policy/never", None), ("pocket+mine", 0)]
    assert compared(Request(models, baseline="policy/never")) == [("policy/never", None), ("pocket", 0)]


def test_a_deployed_model_is_compared_with_the_only_float_model() -> None:
    server, other = "http://127.0.0.1:8080", "https://host/v1#a/b"
    ours = [("pocket", None), ("pocket-lora", 0)]
    lora = Request(("pocket",), ("pocket-lora",), (server, other))
    assert compared(lora) == [*ours, ("deployed/127.0.0.1:8080", 1), ("deployed/host/a/b", 1)]
    assert compared(Request(("pocket",), deployed=(server,))) == [("pocket", None), ("deployed/127.0.0.1:8080", 0)]
    alone = Request(deployed=(server,), baseline="policy/never")
    assert compared(alone) == [("policy/never", None), ("deployed/127.0.0.1:8080", 0)]
    assert compared(Request(deployed=(server,))) == [("deployed/127.0.0.1:8080", None)]
    with pytest.raises(InputError, match="--deployed is compared with one model, but 2 are given"):
        Request(("pocket", "policy/never"), deployed=(server,)).candidates()
    with pytest.raises(InputError, match="--deployed pocket is neither a server nor a GGUF file"):
        Request(deployed=("pocket",)).candidates()
