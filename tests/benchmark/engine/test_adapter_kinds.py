"""An adapter of each kind gives the logits that PEFT gives, and leaves the base as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PeftType
from transformers import AutoModelForCausalLM, PreTrainedModel

from toolmark.benchmark.engine.adapter_settings import KINDS
from toolmark.benchmark.engine.adapters import AdaptedModel

pytestmark = pytest.mark.filterwarnings("ignore")  # PEFT warns about most of these settings

IDS = torch.arange(5, 37)[None]
TARGETS = ["q_proj", "v_proj", "down_proj"]
OTHER_KINDS: Mapping[str, dict[str, Any]] = {
    "IA3": {"feedforward_modules": ["down_proj"]},
    "LN_TUNING": {"target_modules": ["input_layernorm"]},
    "TRAINABLE_TOKENS": {"target_modules": None, "token_indices": [5, 6, 7]},
    "FOURIERFT": {"n_frequency": 50},
    "C3A": {"block_size": 64},
}
LORA: Mapping[str, dict[str, Any]] = {
    "DoRA": {"use_dora": True},
    "rank-stabilised": {"use_rslora": True},
    "PiSSA": {"init_lora_weights": "pissa"},
    "OLoRA": {"init_lora_weights": "olora"},
    "PiSSA and DoRA": {"init_lora_weights": "pissa", "use_dora": True},
    "orthogonal": {"init_lora_weights": "orthogonal"},
    "EVA": {"init_lora_weights": "eva"},
    "with biases": {"lora_bias": True},
    "biases of the base": {"bias": "all"},
    "saved head": {"modules_to_save": ["lm_head"]},
    "saved embeddings": {"modules_to_save": ["embed_tokens"]},
    "saved tied embeddings": {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
    "embeddings": {"target_modules": ["embed_tokens", "q_proj"]},
    "head": {"target_modules": ["lm_head"]},
    "head and embeddings": {"target_modules": ["lm_head", "embed_tokens"]},
    "new tokens": {"trainable_token_indices": [4, 5]},
    "ranks": {"rank_pattern": {"q_proj": 2, r"layers\.[01]\.\w+\.v_proj": 6}, "alpha_pattern": {"down_proj": 3}},
    "expression": {
        "target_modules": r".*\.layers\.[13]\.(self_attn|mlp)\.(q_proj|up_proj)",
        "exclude_modules": r".*3.*up.*",
    },
    "layers": {"layers_to_transform": [0, 2], "layers_pattern": "layers"},
    "first layers": {"layers_to_transform": 1},
    "parameters": {"target_modules": [], "target_parameters": ["q_proj.weight"]},
}
QUICK = ("DoRA", "PiSSA", "OLoRA", "saved head", "embeddings", "ranks", "expression", "LOHA", "IA3")


@pytest.fixture(scope="module")
def base(pocket: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(pocket, dtype=torch.float32).eval()
    return model


@pytest.fixture(scope="module")
def adapted(base: PreTrainedModel, pocket: Path) -> AdaptedModel:
    return AdaptedModel(copy.deepcopy(base), pocket)


def trained(base: PreTrainedModel, config: Any) -> Any:
    """An adapter that changes the answers, as PEFT makes it."""
    torch.manual_seed(0)
    model = get_peft_model(copy.deepcopy(base), config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.02 * torch.randn_like(parameter)
    return model.eval()


def kinds() -> Iterator[Any]:
    """All kinds. A few of them are tried in the quick suite."""
    lora = {name: ("LORA", settings) for name, settings in LORA.items()}
    for name, values in (lora | {kind: (kind, OTHER_KINDS.get(kind, {})) for kind in KINDS}).items():
        yield pytest.param(*values, id=name, marks=() if name in QUICK else pytest.mark.slow)


@pytest.mark.parametrize(("kind", "settings"), list(kinds()))
def test_an_adapter_is_applied_as_in_peft_and_leaves_no_trace(
    base: PreTrainedModel, adapted: AdaptedModel, tmp_path: Path, kind: str, settings: Mapping[str, Any]
) -> None:
    config = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(kind)]
    model = trained(base, config(task_type="CAUSAL_LM", **{"target_modules": TARGETS, **settings}))
    model.save_pretrained(tmp_path)
    with torch.inference_mode():
        alone, expected = base(IDS).logits, model(IDS).logits
        adapted.set_adapter(tmp_path)
        assert torch.equal(adapted.plain(IDS).logits, expected)
        assert not torch.allclose(expected, alone, atol=1e-4)
        adapted.set_adapter(None)
        assert torch.equal(adapted.plain(IDS).logits, alone)
    before, after = base.state_dict(), adapted.plain.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
