"""What is compared with what."""

from __future__ import annotations

import json
from pathlib import Path

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
