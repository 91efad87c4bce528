"""A model that computes NaN or infinite numbers answers nothing: the error names the first layer, or the adapter."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.model_folders import changed_model
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.finite_logits import NoNumbers, check_logits
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.engine.token_choice import most_likely

PROMPTS = [Tagged().render([Message(role="user", content=text)], []) for text in ("Hi!", "Repeat: zebra")]
LORA = Path(__file__).parents[3] / "benchmark" / "engine" / "pocket-lora"


def spoilt(value: float, *names: str, row: int = 5):
    def change(weights):
        for name in names:
            weights[name][row] = value
        return weights

    return change


def answered(base: Path, adapter: Path | None = None, padded: bool = False, temperature: float = 0.0) -> list[str]:
    decoding = Decoding(max_tokens=4, temperature=temperature)
    engine = LocalEngine(base, decoding, device="cpu", dtype="float32", threads=1)
    engine.set_adapter(adapter)
    engine.prepare(PROMPTS, Tagged())
    if padded:
        engine.__dict__["_forward"] = None
    return [completion.text for _, completion in engine.answer(range(len(PROMPTS)))]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_layer_without_numbers_is_named(pocket: Path, tmp_path: Path, value: float) -> None:
    names = ("model.layers.2.mlp.down_proj.weight", "model.layers.3.mlp.down_proj.weight")
    base = changed_model(pocket, tmp_path / "model", weights=spoilt(value, *names))
    with pytest.raises(
        InputError, match=r"computes NaN or infinite numbers: .* from model\.layers\.2\.mlp\.down_proj, whose"
    ):
        answered(base)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_token_without_numbers_is_found_in_a_prompt(
    pocket: Path, tmp_path: Path, padded: bool, temperature: float
) -> None:
    """Only the second prompt has the token, so that a look at the model alone finds nothing."""
    from toolmark.benchmark.engine.encoding import encode
    from toolmark.benchmark.engine.tokenizer import open_tokenizer

    first, second = (encode(prompt, open_tokenizer(pocket)).ids for prompt in PROMPTS)
    token = next(iter(set(second) - set(first)))

    def untied(weights):
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
        weights["model.embed_tokens.weight"][token] = math.nan
        return weights

    config = {"tie_word_embeddings": False}
    base = changed_model(pocket, tmp_path / "model", config=config, weights=untied)
    with pytest.raises(InputError, match=r"come from model\.embed_tokens, whose weight is not finite"):
        answered(base, padded=padded, temperature=temperature)


def test_an_adapter_whose_numbers_overflow_is_named(pocket: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    for file in LORA.iterdir():
        if file.suffix == ".json" and file.name != "toolmark.json":
            (adapter / file.name).write_bytes(file.read_bytes())
    weights = {name: tensor * 1e30 for name, tensor in load_file(LORA / "adapter_model.safetensors").items()}
    save_file(weights, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=f"with the adapter {adapter} computes NaN or infinite numbers"):
        answered(pocket, adapter)


def test_a_tokenizer_of_another_model_is_named(pocket: Path, tmp_path: Path) -> None:
    cut = changed_model(
        pocket,
        tmp_path / "model",
        config={"vocab_size": 300},
        weights=lambda weights: weights | {"model.embed_tokens.weight": weights["model.embed_tokens.weight"][:300]},
    )
    with pytest.raises(InputError, match=r"uses the token \d+, but the model has only 300"):
        answered(cut)


def test_a_computation_that_fails_is_no_defect_of_ours(pocket: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be loaded as a causal language model: TypeError"):
        answered(changed_model(pocket, tmp_path / "model", config={"query_pre_attn_scalar": -4}))


def test_logits_may_exclude_tokens_but_not_all() -> None:
    logits = torch.tensor([[0.0, -math.inf, 2.0], [3.0, 1.0, -math.inf]])
    assert most_likely(logits, [7, 8]) == [2, 0]
    for wrong in (math.nan, math.inf):
        logits[1, 1] = wrong
        with pytest.raises(NoNumbers) as found:
            most_likely(logits, [7, 8])
        assert found.value.index == 8
    with pytest.raises(NoNumbers):
        check_logits(torch.full((1, 3), -math.inf).amax(-1), [0])
