"""A GGUF file is converted to the same model, or there is an error: no tensor and no setting is left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.gguf_files import random_llama, write_gguf
from toolmark.benchmark.candidates.gguf_header import GgufHeader
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.base_model import load_base
from toolmark.benchmark.engine.gguf_settings import set_unread_settings
from toolmark.benchmark.engine.model_folder import locate

SMALL = {
    "vocab_size": 2048,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 512,
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def llama(**scaling: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    plain = random_llama()
    config = LlamaConfig(**{**plain.config.to_dict(), "rope_parameters": {"rope_theta": 10_000.0, **scaling}})
    model = LlamaForCausalLM(config).eval()
    model.load_state_dict(plain.state_dict())
    return model


def phi3() -> Any:
    from transformers import Phi3Config, Phi3ForCausalLM

    torch.manual_seed(1)
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.75}
    return Phi3ForCausalLM(Phi3Config(**SMALL, num_hidden_layers=2, sliding_window=100, rope_parameters=rope)).eval()


def gemma2() -> Any:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(4)
    caps = {"attn_logit_softcapping": 20.0, "final_logit_softcapping": 10.0, "query_pre_attn_scalar": 32}
    config = Gemma2Config(**SMALL, **caps, num_hidden_layers=2, head_dim=32, sliding_window=64)
    return Gemma2ForCausalLM._from_config(config, attn_implementation="eager").eval()


def gemma3() -> Any:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(2)
    rope = {
        "sliding_attention": {"rope_type": "default", "rope_theta": 20_000.0},
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 500_000.0},
    }
    layers = ["sliding_attention", "full_attention"]
    config = Gemma3TextConfig(
        **SMALL, head_dim=32, query_pre_attn_scalar=32, sliding_window=64, layer_types=layers, num_hidden_layers=2
    )
    config.rope_parameters, config.final_logit_softcapping = rope, 30.0
    return Gemma3ForCausalLM(config).eval()


def divisors(model: Any) -> np.ndarray:
    plain = 10_000.0 ** -(torch.arange(0, 16, 2) / 16)
    divided: np.ndarray = (plain / model.model.rotary_emb.inv_freq).numpy().astype(np.float32)
    return divided


LINEAR = {"rope.scaling.type": "linear", "rope.scaling.factor": 8.0}
YARN = {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 256}
GEMMA_2 = {
    **dict.fromkeys(("attention.key_length", "attention.value_length", "rope.dimension_count"), 32),
    "attention.sliding_window": 64,
    "attn_logit_softcapping": 20.0,
    "final_logit_softcapping": 10.0,
}
GEMMA = {
    "attention.key_length": 32,
    "attention.value_length": 32,
    "rope.dimension_count": None,
    "attention.sliding_window": 64,
    "attention.sliding_window_pattern": 2,
    "final_logit_softcapping": 30.0,
    "rope.freq_base": 500_000.0,
    "rope.freq_base_swa": 20_000.0,
    **LINEAR,
}
SAME: dict[str, tuple[str, Callable[[], Any], dict[str, Any]]] = {
    "linear": ("llama", lambda: llama(rope_type="linear", factor=8.0), LINEAR),
    "linear, an older name": ("llama", lambda: llama(rope_type="linear", factor=8.0), {"rope.scale_linear": 8.0}),
    "yarn": ("llama", lambda: llama(rope_type="yarn", factor=4.0, original_max_position_embeddings=256), YARN),
    "Llama 3": ("llama", lambda: llama(**LLAMA3), {}),
    "a part of the head": ("phi3", phi3, {"rope.dimension_count": 12, "attention.sliding_window": 100}),
    "the caps of Gemma 2": ("gemma2", gemma2, GEMMA_2),
    "Gemma 3": ("gemma3", gemma3, GEMMA),
}


@pytest.mark.parametrize(("architecture", "made", "fields"), SAME.values(), ids=SAME)
def test_a_converted_model_computes_the_same(
    architecture: str, made: Callable[[], Any], fields: dict[str, Any], pocket: Path, tmp_path: Path
) -> None:
    model = made()
    more = {"rope_freqs.weight": divisors(model)} if made is SAME["Llama 3"][1] else {}
    file = write_gguf(tmp_path / "m.gguf", model, pocket, architecture=architecture, changed=fields, more=more)
    loaded = load_base(locate(resolve(str(file))).base, torch.float32)
    ids = torch.randint(3, 2000, (1, 700), generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        expected, computed = model(input_ids=ids).logits, loaded(input_ids=ids).logits
    assert torch.allclose(computed, expected, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.slow
@pytest.mark.parametrize("scaling", ["linear", "yarn", "Llama 3", "Gemma 3"])
def test_llama_cpp_computes_the_same(scaling: str, pocket: Path, tmp_path: Path) -> None:
    xllamacpp = pytest.importorskip("xllamacpp", reason="llama.cpp's server is not installed")
    architecture, made, fields = SAME[scaling]
    model = made()
    more = {"rope_freqs.weight": divisors(model)} if scaling == "Llama 3" else {}
    file = write_gguf(tmp_path / "m.gguf", model, pocket, architecture=architecture, changed=fields, more=more)
    loaded = load_base(locate(resolve(str(file))).base, torch.float32)
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.cpuparams.n_threads = str(file), 1024, 1
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    ids = torch.randint(3, 2000, (1, 700), generator=torch.Generator().manual_seed(3))
    asked = {"prompt": ids[0].tolist(), "n_predict": 1, "temperature": 0, "logprobs": 20}
    (choice,) = xllamacpp.Server(parameters).handle_completions(asked)["choices"]
    theirs = {one["id"]: one["logprob"] for one in choice["logprobs"]["content"][0]["top_logprobs"]}
    with torch.inference_mode():
        ours = loaded(input_ids=ids).logits[0, -1].log_softmax(-1)
    assert len(theirs) == 20
    assert all(math.isclose(ours[token], logprob, abs_tol=0.01) for token, logprob in theirs.items())


NINE = np.full(64, 3.0, dtype=np.float32)
REFUSED: dict[str, tuple[dict[str, Any], dict[str, np.ndarray], str]] = {
    "a bias": ({}, {"blk.0.attn_q.bias": NINE}, "1 tensors that are not part .* blk.0.attn_q.bias"),
    "another norm": ({}, {"blk.0.attn_sub_norm.weight": NINE}, "attn_sub_norm"),
    "one more layer": ({}, {"blk.2.attn_norm.weight": NINE}, "blk.2.attn_norm"),
    "divisors of Phi-3": ({}, {"rope_factors_long.weight": NINE[:8]}, "rope_factors_long"),
    "other divisors": ({}, {"rope_freqs.weight": np.array([1, 1, 8, 8, 8, 32, 32, 32], dtype=np.float32)}, "by other"),
    "too few divisors": ({}, {"rope_freqs.weight": NINE[:3]}, "by other numbers"),
    "two scalings": (LINEAR, {"rope_freqs.weight": NINE[:8]}, "and rope_freqs"),
    "longrope": ({"rope.scaling.type": "longrope", "rope.scaling.factor": 4.0}, {}, "the type 'longrope'"),
    "an infinite factor": ({"rope.scaling.factor": math.inf}, {}, "with the factor inf"),
    "the scale of the attention": ({"attention.scale": 0.5}, {}, "llama.attention.scale = 0.5"),
    "the scale of the logits": ({"logit_scale": 0.1}, {}, "llama.logit_scale"),
    "a cap": ({"final_logit_softcapping": 30.0}, {}, "llama.final_logit_softcapping"),
    "a window": ({"attention.sliding_window": 64}, {}, "llama.attention.sliding_window = 64"),
    "experts": ({"expert_count": 8}, {}, "llama.expert_count"),
    "a field of the future": ({"attention.new": 1}, {}, "llama.attention.new"),
    "a number for each layer": ({"attention.sliding_window_pattern": [1, 0]}, {}, r"window_pattern = \(1, 0\)"),
    "keys longer than values": ({"attention.value_length": 8}, {}, "have 16 dimensions, and the values have 8"),
    "a field of another architecture": ({"qwen2.block_count": 2}, {}, "qwen2.block_count"),
    "a part of the head": (
        {"rope.dimension_count": 8, "attention.key_length": 16},
        {},
        "rotates 8 dimensions",
    ),
}


@pytest.mark.parametrize(("fields", "more", "said"), REFUSED.values(), ids=REFUSED)
def test_what_transformers_would_leave_out_is_an_error(
    fields: dict[str, Any], more: dict[str, np.ndarray], said: str, pocket: Path, tmp_path: Path
) -> None:
    file = write_gguf(tmp_path / "m.gguf", random_llama(), pocket, changed=fields, more=more)
    with pytest.raises(InputError, match=rf"{said}.*safetensors files of the model.*deployment\.md"):
        locate(resolve(str(file)))


@pytest.mark.parametrize("name", ["context_length", "attention.layer_norm_rms_epsilon"])
def test_a_missing_field_is_not_taken_from_another_model(name: str, pocket: Path, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "m.gguf", random_llama(), pocket, changed={name: None})
    with pytest.raises(InputError, match=f"has no field llama.{name}"):
        locate(resolve(str(file)))


def test_settings_without_effect_are_allowed(pocket: Path, tmp_path: Path) -> None:
    fields = {
        "attention.causal": True,
        "expert_count": 0,
        "attention.sliding_window": 8192,
        "rope.scaling.type": "none",
        "tensor_data_layout": "Meta AI original pth",
        "attention.key_length": 16,
        "attention.value_length": 16,
    }
    more = {"rope_freqs.weight": np.ones(8, dtype=np.float32)}
    model = random_llama()
    file = write_gguf(tmp_path / "m.gguf", model, pocket, changed=fields, more=more)
    loaded = load_base(locate(resolve(str(file))).base, torch.float32)
    ids = torch.arange(3, 100)[None]
    assert torch.equal(loaded(input_ids=ids).logits, model(input_ids=ids).logits)


def test_gemma_3_keeps_its_windows_and_the_scale_of_its_attention(tmp_path: Path) -> None:
    from transformers import Gemma3TextConfig

    def completed(config: Gemma3TextConfig, **fields: float) -> Gemma3TextConfig:
        sizes = {"attention.head_count": config.num_attention_heads, "embedding_length": config.hidden_size}
        sizes |= {"block_count": 1, "context_length": 32768, "attention.layer_norm_rms_epsilon": 1e-6}
        named = {f"gemma3.{name}": value for name, value in (sizes | fields).items()}
        set_unread_settings(tmp_path, config, GgufHeader({"general.architecture": "gemma3", **named}, (), {}))
        return config

    window = {"attention.sliding_window": 512}
    small = completed(
        Gemma3TextConfig(num_hidden_layers=4),
        **{"attention.key_length": 64, "attention.sliding_window_pattern": 2} | window,
    )
    assert small.layer_types == ["sliding_attention", "full_attention"] * 2
    assert (small.head_dim, small.query_pre_attn_scalar) == (64, 64)
    assert completed(Gemma3TextConfig(num_hidden_layers=6)).layer_types == ["full_attention"] * 6
    largest = completed(
        Gemma3TextConfig(num_hidden_layers=62, hidden_size=5376, num_attention_heads=32), **window,
        **{"attention.key_length": 128},
    )  # fmt: skip
    assert (largest.query_pre_attn_scalar, largest.layer_types[5]) == (168, "full_attention")
