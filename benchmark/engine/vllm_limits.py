"""Names the candidates that vLLM cannot answer as Toolmark does, before anything is loaded. vLLM is not imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_WEIGHTS, read_adapter_config
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.core.errors import InputError

__all__ = ["check_vllm_serves", "lora_rank", "rank_for_vllm"]

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The values that vLLM allows for the highest rank of its adapters."""

_PLAIN_STARTS = (True, False, None, "gaussian", "eva", "orthogonal", "mica")
"""Values of `init_lora_weights` that set only the weights of the adapter. Others also changed the base."""

_NOT_SERVED = {
    "use_dora": "it is a DoRA adapter",
    "lora_bias": "its LoRA matrices have biases",
    "modules_to_save": "it contains whole modules (modules_to_save)",
    "trainable_token_indices": "it contains embeddings of tokens (trainable_token_indices)",
    "target_parameters": "it adapts parameters instead of modules (target_parameters)",
}
"""Settings of a LoRA adapter that vLLM does not compute, and what they mean."""

_OF_EMBEDDINGS = (".lora_embedding_A", ".embed_tokens.", ".lm_head.")
"""Parts of the names of tensors that adapt the embeddings or the output layer."""


def check_vllm_serves(candidate: Candidate, weights: Weights) -> None:
    """Check that vLLM can answer as a candidate.

    Args:
        candidate: The candidate.
        weights: The directories of the candidate.

    Raises:
        InputError: The candidate has a threshold for calls, or an adapter of a kind that vLLM does not compute.
    """
    if candidate.call_threshold is not None:
        raise InputError(
            f"vLLM cannot force the decision of {candidate.name}, which has a threshold for calls",
            "Write --engine transformers. Or leave the threshold out.",
        )
    if weights.adapter is None:
        return
    reason = next(_reasons(weights.adapter), None)
    if reason is not None:
        raise InputError(
            f"vLLM cannot serve the adapter {weights.adapter}: {reason}",
            f"Merge it into its base, and evaluate the merged model: toolmark models merge {candidate.base}:"
            f"{weights.adapter} --out DIR. Or write --engine transformers",
        )


def _reasons(adapter: Path) -> Iterator[str]:
    """Yield the reasons why vLLM cannot serve an adapter."""
    settings = read_adapter_config(adapter)
    kind = settings.get("peft_type")
    if kind != "LORA":
        yield f"its type is {kind!r}, and vLLM serves only LORA"
        return
    yield from (meaning for name, meaning in _NOT_SERVED.items() if settings.get(name))
    if settings.get("bias") not in (None, "none"):
        yield "biases of the base were trained"
    start = settings.get("init_lora_weights")
    if start not in _PLAIN_STARTS:
        yield f"its training changed the weights of the base (init_lora_weights={start!r})"
    if (rank := lora_rank(settings)) > _RANKS[-1]:
        yield f"its rank is {rank}, and vLLM allows at most {_RANKS[-1]}"
    adapted = next((name for name in _names(adapter) if any(part in f".{name}" for part in _OF_EMBEDDINGS)), None)
    if adapted is not None:
        yield f"it adapts the embeddings or the output layer ({adapted})"


def _names(adapter: Path) -> Sequence[str]:
    """Return the names of the tensors of an adapter. No names if the file cannot be read: loading names the cause."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(adapter / ADAPTER_WEIGHTS, framework="numpy") as file:
            return sorted(file.keys())
    except (SafetensorError, OSError):
        return ()


def lora_rank(settings: Mapping[str, Any]) -> int:
    """Return the highest rank in the settings of a LoRA adapter."""
    patterns = settings.get("rank_pattern")
    listed = [settings.get("r"), *(patterns.values() if isinstance(patterns, Mapping) else ())]
    return max((rank for rank in listed if isinstance(rank, int)), default=1)


def rank_for_vllm(adapters: Sequence[Path]) -> int:
    """Return the lowest rank that vLLM allows and that is not below the ranks of the adapters."""
    needed = max((lora_rank(read_adapter_config(adapter)) for adapter in adapters), default=1)
    return next(rank for rank in _RANKS if rank >= min(needed, _RANKS[-1]))
