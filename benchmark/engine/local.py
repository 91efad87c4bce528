"""Local generation on transformers: every prompt encoded once, batched with left padding, stopped at real stop tokens.

Batches are formed by length and bounded in padded tokens, so that memory is bounded too. Rows in a batch never see each
other's padding: the attention mask excludes it and positions count from each row's first token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.completions import Completion, Prompt, Usage
from benchmark.config import Decoding
from benchmark.engine import PromptTooLong
from benchmark.engine.adapters import AdaptedModel
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
    """One base model in memory, and as many adapters on it as were ever worn.

    Args:
        base: The base model's directory.
        decoding: How to draw tokens.
        device: `cpu` or `cuda`.
        dtype: A torch dtype's name.
        threads: Processor threads; None leaves torch's own choice.

    Raises:
        InputError: The weights are no causal language model.
    """

    def __init__(self, base: Path, decoding: Decoding, *, device: str, dtype: str, threads: int | None = None) -> None:
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
            self._tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                base, dtype=getattr(torch, dtype), use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{base} cannot be loaded as a causal language model: {str(error).splitlines()[0]}",
                "Check that it is a text model of a supported architecture, with its tokenizer.",
            ) from error
        self._stops = stop_ids(self._tokenizer, model.generation_config.eos_token_id)
        self._context = int(getattr(model.config.get_text_config(), "max_position_embeddings", 0)) or 1 << 20
        self._model = AdaptedModel(model.eval().to(device), base)  # type: ignore[no-untyped-call]
        self._encoded: list[list[int]] = []

    def wear(self, adapter: Path | None) -> None:
        """Answer with this adapter from now on, or as the plain base. Raises `InputError` where it does not fit."""
        self._model.wear(adapter)

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
