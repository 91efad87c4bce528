"""A merged model computes what the adapter computes, or there is no merged model."""

from __future__ import annotations

import copy
import json
import resource
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from tests.forked.commands import Commands
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.adapter_merge import merge
from toolmark.benchmark.engine.base_model import load_base

pytestmark = pytest.mark.filterwarnings("ignore")  # of PEFT, about tied embeddings

IDS = torch.arange(40, 72)[None]


@pytest.fixture(scope="module")
def base(pocket: Path) -> Any:
    return load_base(pocket, torch.float32)


def trained(base: Any, folder: Path, settings: Mapping[str, Any]) -> torch.Tensor:
    """Save an adapter that changes the answers, and return its logits."""
    torch.manual_seed(0)
    config = LoraConfig(r=4, task_type="CAUSAL_LM", **({"target_modules": ["q_proj"]} | dict(settings)))
    model = get_peft_model(copy.deepcopy(base), config).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    with torch.inference_mode():
        logits: torch.Tensor = model(IDS).logits
    return logits


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["embed_tokens"]},
        pytest.param({"target_modules": ["lm_head"]}, marks=pytest.mark.slow),
        pytest.param({"target_modules": ["lm_head", "embed_tokens"]}, marks=pytest.mark.slow),
        pytest.param({"target_modules": ["embed_tokens"], "ensure_weight_tying": True}, marks=pytest.mark.slow),
        pytest.param({"modules_to_save": ["embed_tokens"]}, marks=pytest.mark.slow),
        pytest.param({"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True}, marks=pytest.mark.slow),
        pytest.param({"trainable_token_indices": [41, 42]}, marks=pytest.mark.slow),
        pytest.param({"init_lora_weights": "pissa", "use_dora": True}, marks=pytest.mark.slow),
    ],
)
def test_embeddings_that_are_tied_to_the_output(
    base: Any, pocket: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    expected = trained(base, tmp_path / "adapter", settings)
    merge(Weights(pocket, tmp_path / "adapter"), tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    with torch.inference_mode():
        assert torch.allclose(merged(IDS).logits, expected, atol=1e-3)
        assert not torch.allclose(base(IDS).logits, expected, atol=1e-1)


def test_an_adapter_that_cannot_be_merged(base: Any, pocket: Path, tmp_path: Path) -> None:
    """The layers of the base have no biases."""
    trained(base, tmp_path / "adapter", {"lora_bias": True})
    with pytest.raises(InputError, match=r"cannot be merged into its base: .*lora_bias"):
        merge(Weights(pocket, tmp_path / "adapter"), tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


@pytest.mark.parametrize("most", [pytest.param(1_000, marks=pytest.mark.slow), 1 << 20])
def test_a_disk_that_is_full(
    base: Any, pocket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """A limit for the size of a file stands for it. The weights have 12 MB."""
    trained(base, tmp_path / "adapter", {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a compiled module would be cut
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(EnvironmentFault, match=r"cannot be written: .*File too large"):
            merge(Weights(pocket, tmp_path / "adapter"), tmp_path / "merged")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_the_command_checks_what_a_run_checks(base: Any, warm: Commands, tmp_path: Path) -> None:
    """The recorded base, the names of the weights, and a pickle file beside a safetensors file of another name."""
    trained(base, tmp_path / "other", {})
    record = {"base": {"id": "other/base", "weights": "0" * 16}, "dialects": ["tagged"]}
    (tmp_path / "other" / "toolmark.json").write_text(json.dumps(record))
    shutil.copytree(tmp_path / "other", tmp_path / "pickled")
    (tmp_path / "pickled" / "adapter_model.safetensors").rename(tmp_path / "pickled" / "decoy.safetensors")
    (tmp_path / "pickled" / "adapter_model.bin").touch()
    for name, said in (("other", "was trained on other/base"), ("pickled", "has no adapter_model.safetensors")):
        ended = warm("models", "merge", f"pocket:{tmp_path / name}", "--out", str(tmp_path / "out"))
        assert (ended.returncode, said in ended.said) == (4, True), ended.said
        assert not (tmp_path / "out").exists()
