"""Adapters with files that do not fit, or that do harm, are refused in words that name the cause."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.adapters import AdaptedModel

pytestmark = pytest.mark.filterwarnings("ignore:base identity not proven")

QUERY = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
ENDLESS = r"((\w|.)+)+\d\d"
EMBEDDINGS = "base_model.model.model.embed_tokens.weight"


@pytest.fixture(scope="module")
def adapted(pocket: Path) -> AdaptedModel:
    return AdaptedModel(AutoModelForCausalLM.from_pretrained(pocket, dtype=torch.float32).eval(), pocket)


@pytest.fixture(scope="module")
def whole(adapted: AdaptedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that fits."""
    folder = tmp_path_factory.mktemp("adapters") / "whole"
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(copy.deepcopy(adapted.plain), config).save_pretrained(folder)
    return folder


@pytest.fixture
def adapter(whole: Path, tmp_path: Path) -> Path:
    """A copy of this adapter, which a test changes."""
    return Path(shutil.copytree(whole, tmp_path / "adapter"))


def set_in_config(folder: Path, **settings: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def set_in_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def refused(adapted: AdaptedModel, folder: Path) -> str:
    """What the error says about an adapter. The base answers as before."""
    ids = torch.tensor([[5, 6, 7]])
    adapted.set_adapter(None)
    with torch.inference_mode():
        before = adapted.plain(ids).logits
        with pytest.raises(InputError) as error:
            adapted.set_adapter(folder)
        assert torch.equal(adapted.plain(ids).logits, before)
    return error.value.what


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "type of the adapter is 'PREFIX_TUNING'"),
        ({"peft_type": ["LORA"]}, r"type of the adapter is \['LORA'\]"),
        ({"task_type": "SEQ_CLS"}, "for the task 'SEQ_CLS'"),
        ({"r": 8}, r"4 × 192, but the settings and the base require 8 × 192"),
        ({"r": 10**9}, r"4 × 192, but the settings and the base require 1000000000 × 192"),
        ({"r": 10**30}, "r contains the number 10+…?.*, which is too large"),
        ({"r": 0}, "`r` should be a positive integer"),
        ({"r": "4"}, "r is '4': Input should be a valid integer"),
        ({"lora_alpha": [16]}, r"lora_alpha is \[16\]"),
        ({"rank_pattern": {"q_proj": "big"}}, "rank_pattern is .*valid integer"),
        ({"target_modules": ["absent"]}, "not found in the base model"),
        ({"target_modules": "absent.*"}, "target_modules matches no module of the base: 'absent"),
        ({"target_modules": "(q_proj"}, r"target_modules has an expression that is not valid: '\(q_proj'"),
        ({"target_modules": [f"name{n}" for n in range(9_999)]}, "9,999 entries"),
        ({"modules_to_save": ["(a+)+$"]}, "which is not the name of a module"),
        ({"trainable_token_indices": [99_999]}, "contains the token 99999"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights='pissa_niter_4'"),
        ({"init_lora_weights": "corda"}, "init_lora_weights='corda'"),
        ({"layer_replication": [[0, 2], [1, 3]]}, "the adapter uses the setting layer_replication"),
        ({"alora_invocation_tokens": [5]}, "the adapter uses the setting alora_invocation_tokens"),
        ({"megatron_config": {"a": 1}, "megatron_core": "antigravity"}, "the adapter uses the setting megatron_config"),
    ],
)
def test_settings(adapted: AdaptedModel, adapter: Path, settings: dict[str, Any], said: str) -> None:
    set_in_config(adapter, **settings)
    words = refused(adapted, adapter)
    assert re.search(said, words), words


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ENDLESS},
        pytest.param({"exclude_modules": ENDLESS}, marks=pytest.mark.slow),
        pytest.param({"layers_to_transform": [0], "layers_pattern": ENDLESS}, marks=pytest.mark.slow),
        pytest.param({"rank_pattern": {ENDLESS: 4}}, marks=pytest.mark.slow),
    ],
)
def test_an_expression_that_never_ends(adapted: AdaptedModel, adapter: Path, settings: dict[str, Any]) -> None:
    """Python's `re` would need years for it."""
    set_in_config(adapter, **settings)
    field = list(settings)[-1]
    assert f"{field} has an expression that takes too long: " in refused(adapted, adapter)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "[" * 100_000, '{"r": NaN}', '{"r": 1, "r": 2}', '{"peft_type": "\\ud800"}', "\xff"]
)
def test_settings_that_are_not_json(adapted: AdaptedModel, adapter: Path, content: str) -> None:
    (adapter / "adapter_config.json").write_bytes(content.encode("latin-1"))
    assert "adapter_config.json cannot be read" in refused(adapted, adapter)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: weights.pop(QUERY), f"1 weights are missing, for example {QUERY}"),
        (
            lambda weights: weights.update({f"{QUERY}2": torch.ones(1)}),
            f"1 weights are unexpected, for example {QUERY}2",
        ),
        (lambda weights: weights.update({QUERY: torch.ones(4, 64)}), "4 × 64, but the settings and the base require"),
        (lambda weights: weights.update({QUERY: weights[QUERY].long()}), "contains int64 values, not weights"),
        (lambda weights: weights[QUERY].fill_(torch.nan), "contains values that are not finite numbers"),
        (lambda weights: weights[QUERY].fill_(torch.inf), "contains values that are not finite numbers"),
        (
            lambda weights: weights.update({EMBEDDINGS: torch.zeros(2048, 192)}),
            f"a changed weight of the base.*{EMBEDDINGS}",
        ),
        (lambda weights: weights.update({EMBEDDINGS: torch.zeros(2050, 192)}), "the embeddings were resized"),
    ],
)
def test_weights(adapted: AdaptedModel, adapter: Path, change: Callable[..., Any], said: str) -> None:
    set_in_weights(adapter, change)
    words = refused(adapted, adapter)
    assert re.search(said, words), words


def test_weights_of_the_base_that_are_repeated_are_no_problem(adapted: AdaptedModel, adapter: Path) -> None:
    """PEFT writes the embeddings beside an adapter of the embeddings."""
    embeddings = adapted.plain.get_input_embeddings().weight.detach().clone()
    set_in_weights(adapter, lambda weights: weights.update({EMBEDDINGS: embeddings.contiguous()}))
    adapted.set_adapter(adapter)
    adapted.set_adapter(None)


@pytest.mark.parametrize("length", [0, 7, 100, 2_000])
def test_a_truncated_file(adapted: AdaptedModel, adapter: Path, length: int) -> None:
    path = adapter / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert "adapter_model.safetensors cannot be read" in refused(adapted, adapter)


def test_an_adapter_of_a_base_with_another_shape(adapted: AdaptedModel, tmp_path: Path) -> None:
    config = copy.deepcopy(adapted.plain.config)
    config.hidden_size, config.intermediate_size = 128, 256
    config_of_adapter = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_config(config), config_of_adapter).save_pretrained(tmp_path)
    assert "4 × 128, but the settings and the base require 4 × 192" in refused(adapted, tmp_path)


@pytest.mark.parametrize("config", [PromptTuningConfig, PrefixTuningConfig])
def test_virtual_tokens(adapted: AdaptedModel, tmp_path: Path, config: Any) -> None:
    sizes = {"token_dim": 192, "num_layers": 5, "num_attention_heads": 3, "num_transformer_submodules": 1}
    settings = config(num_virtual_tokens=4, task_type="CAUSAL_LM", **sizes)
    get_peft_model(copy.deepcopy(adapted.plain), settings).save_pretrained(tmp_path)
    assert "Toolmark supports only LORA" in refused(adapted, tmp_path)
