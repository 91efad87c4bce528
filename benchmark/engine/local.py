"""Local generation on transformers: every prompt encoded once, batched with left padding, stopped at real stop tokens.

Batches are formed by length and bounded in padded tokens, so that memory is bounded too. Rows in a batch never see each
other's padding: the attention mask excludes it and positions count from each row's first token.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmark.candidates.weights import Weights
from benchmark.completions import Completion, Prompt, Usage
from benchmark.config import Decoding
from benchmark.engine import PromptTooLong
from benchmark.engine.encoding import encode, stop_ids
from benchmark.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["LocalEngine", "default_device", "default_dtype"]

_BATCH_TOKENS = 16_384
_BATCH_ROWS = 32


def default_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def default_dtype(device: str) -> str:
    """fp32 on a processor, bf16 on CUDA; never fp16, in which Gemma overflows."""
    return "bfloat16" if device == "cuda" else "float32"


class LocalEngine:
    """A base model, perhaps with one adapter, in memory.

    Args:
        weights: Where base and adapter lie.
        decoding: How to draw tokens.
        device: `cpu` or `cuda`.
        dtype: A torch dtype's name.
        threads: Processor threads; None leaves torch's own choice.

    Raises:
        InputError: The weights are no causal language model, or the adapter does not fit the base.
    """

    def __init__(
        self, weights: Weights, decoding: Decoding, *, device: str, dtype: str, threads: int | None = None
    ) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        if threads is not None:
            torch.set_num_threads(threads)
        self._decoding = decoding
        self._device = device
        self._dtype = dtype
        self._threads = torch.get_num_threads()
        try:
            self._tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(weights.base)
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                weights.base, dtype=getattr(torch, dtype), use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{weights.base} cannot be loaded as a causal language model: {str(error).splitlines()[0]}",
                "Check that it is a text model of a supported architecture, with its tokenizer.",
            ) from error
        self._stops = stop_ids(self._tokenizer, model.generation_config.eos_token_id)
        self._context = int(getattr(model.config.get_text_config(), "max_position_embeddings", 0)) or 1 << 20
        if weights.adapter is not None:
            model = _with_adapter(model, weights.base, weights.adapter)
        self._model = cast("Any", model)
        self._model.eval()
        self._model.to(device)
        self._encoded: list[list[int]] = []

    def prepare(self, prompts: Sequence[Prompt]) -> None:
        """Encode all prompts. Raises `PromptTooLong` where one leaves no room for `max_tokens`."""
        self._encoded = [encode(prompt, self._tokenizer).ids for prompt in prompts]
        room = self._context - self._decoding.max_tokens
        too_long = {index: len(ids) for index, ids in enumerate(self._encoded) if len(ids) > room}
        if too_long:
            raise PromptTooLong(too_long, room)

    def environment(self) -> dict[str, Any]:
        """Device, threads and batch layout."""
        return {
            "engine": "transformers",
            "device": self._device,
            "threads": self._threads,
            "batch": {"padding": "left", "order": "by length", "tokens": _BATCH_TOKENS, "rows": _BATCH_ROWS},
        }

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion), short prompts first."""
        ordered = sorted(indices, key=lambda index: (len(self._encoded[index]), index))
        for batch in _batches(ordered, self._encoded):
            yield from zip(batch, self._complete([self._encoded[index] for index in batch], epoch), strict=True)

    def _complete(self, rows: Sequence[Sequence[int]], epoch: int) -> list[Completion]:
        import torch

        ids, mask = _left_padded(rows, self._stops[0])
        if self._decoding.temperature > 0:
            torch.manual_seed(hash((self._decoding.seed, epoch, tuple(map(tuple, rows)))) % 2**63)
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                generation_config=self._generation_config(),
            )
        return [
            self._completion(row, len(prompt))
            for row, prompt in zip(output[:, ids.shape[1] :].tolist(), rows, strict=True)
        ]

    def _generation_config(self) -> Any:
        from transformers import GenerationConfig

        sampling = self._decoding.temperature > 0
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self._decoding.max_tokens,
            do_sample=sampling,
            temperature=self._decoding.temperature if sampling else None,
            top_k=0 if sampling else None,
            top_p=1.0 if sampling else None,
            eos_token_id=list(self._stops),
            pad_token_id=self._stops[0],
        )

    def _completion(self, generated: Sequence[int], prompt_length: int) -> Completion:
        end = next((index for index, token in enumerate(generated) if token in self._stops), None)
        written = list(generated if end is None else generated[:end])
        return Completion(
            # Special tokens stay: in some dialects they are the markers of a call.
            text=str(self._tokenizer.decode(written, skip_special_tokens=False, clean_up_tokenization_spaces=False)),
            stop_reason="length" if end is None else "stop",
            usage=Usage(prompt_length, len(written) + (end is not None)),
        )


def _batches(ordered: Sequence[int], encoded: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Runs of `ordered` (ascending length) whose padded size keeps the budget; one row always fits."""
    batch: list[int] = []
    for index in ordered:
        if batch and (len(batch) == _BATCH_ROWS or len(encoded[index]) * (len(batch) + 1) > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, both of shape (rows, longest row)."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return ids, mask


def _with_adapter(model: PreTrainedModel, base: Path, adapter: Path) -> PreTrainedModel:
    """Put the adapter on the base, and refuse one that was not made for it.

    PEFT loads an adapter of another base of the same shapes without a word, and one with missing layers with a warning:
    hence the recorded hash and the loader's lists are checked here.
    """
    from peft import PeftConfig, PeftModel

    _check_base(base, adapter)
    config = PeftConfig.from_pretrained(str(adapter))
    wrapped = PeftModel(model, config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said as an error below
        loaded = wrapped.load_adapter(str(adapter), "default", is_trainable=False, use_safetensors=True)
    missing = [key for key in loaded.missing_keys if "lora_" in key]
    if missing or loaded.unexpected_keys:
        kind, keys = ("lacks", missing) if missing else ("has unexpected", loaded.unexpected_keys)
        raise InputError(
            f"{adapter} does not fit {base}: it {kind} {len(keys)} weights, the first {keys[0]}",
            "Use the base that the adapter was trained on.",
        )
    return wrapped  # type: ignore[return-value]


def _check_base(base: Path, adapter: Path) -> None:
    from benchmark.candidates.fingerprint import hash_files

    record = adapter / "toolmark.json"
    if record.is_file():
        recorded = json.loads(record.read_text()).get("base", {})
        name, here = recorded.get("id"), hash_files(base.glob("*.safetensors"))
        if recorded.get("weights") not in (None, here):
            raise InputError(
                f"{adapter} was trained on {name} with weights {recorded['weights']}, not on {base} ({here})",
                f"Name that base: --model {name} --adapter {adapter}",
            )
        return
    name = json.loads((adapter / "adapter_config.json").read_text()).get("base_model_name_or_path") or "no base"
    if Path(name).name != base.resolve().name:
        warnings.warn(f"base identity not proven: {adapter} names {name}, judged on {base}", stacklevel=2)
