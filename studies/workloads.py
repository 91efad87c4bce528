"""Makes workloads from shipped cases. A workload is a model, and the prompts that the model answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.float32_gguf import float32_gguf
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import fetch
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.encoding import encode, stop_ids
from toolmark.benchmark.engine.gguf_conversion import converted
from toolmark.benchmark.engine.model_config import context_length
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.readers.case_selection import limited, load_cases

__all__ = ["Workload", "random_gemma", "shipped", "smollm2"]

POCKET = Path(__file__).parents[1] / "benchmark" / "engine" / "pocket"


@dataclass(frozen=True, slots=True)
class Workload:
    """A model and the prompts that the model answers.

    Attributes:
        name: Name of the workload in tables.
        model: Folder of the model.
        prompts: The prompts, in the dialect `tagged`.
        tokens: Largest number of tokens per answer.
        gguf: The same weights as a GGUF file, for llama.cpp.
        processor_time: Whether processor time is measured instead of wall-clock time. With one thread, both are equal
            on an idle machine.
    """

    name: str
    model: Path
    prompts: Sequence[Prompt]
    tokens: int
    gguf: Path | None = None
    processor_time: bool = False

    def rows(self, count: int | None = None) -> list[dict[str, Any]]:
        """Return the turns, the rendered text and the token ids of each prompt.

        Args:
            count: Number of prompts, evenly spread over the workload. If None, all prompts are returned.

        Raises:
            ValueError: A text encodes to other token ids, so the other tools would read other tokens.
        """
        tokenizer = open_tokenizer(self.model)
        chosen = self.prompts if count is None else self.prompts[:: max(1, len(self.prompts) // count)][:count]
        rows = []
        for prompt in chosen:
            ids = encode(prompt, tokenizer).ids
            text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
            if tokenizer(text, add_special_tokens=False)["input_ids"] != ids:
                raise ValueError(f"the text of a prompt of {self.name} does not encode to the prompt's token ids")
            turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
            rows.append({"messages": turns, "text": text, "ids": ids})
        return rows

    def spec(self, *, threads: int, batch: int = 1, times: int = 1, count: int | None = None) -> dict[str, Any]:
        """Return the SPEC that `peer_loops` describes."""
        tokenizer = open_tokenizer(self.model)
        settings = json.loads((self.model / "generation_config.json").read_text())
        stops = stop_ids(tokenizer, settings.get("eos_token_id"))
        return {
            "model": str(self.model),
            "rows": self.rows(count),
            "tokens": self.tokens,
            "stops": list(stops),
            "stop_texts": [tokenizer.decode([stop]) for stop in stops],
            "context": context_length(self.model),
            "threads": threads,
            "batch": batch,
            "times": times,
            "processor_time": self.processor_time,
            "gguf": None if self.gguf is None else str(self.gguf),
        }


def prompts_of(cases: Sequence[Case]) -> list[Prompt]:
    """Return the prompts of cases, in the dialect `tagged`."""
    return [Tagged().render(case.messages, case.toolbox.tools) for case in cases]


def shipped(count: int | None) -> list[Case]:
    """Return a stratified sample of `count` shipped test cases. If `count` is None, return all shipped test cases."""
    return limited(load_cases(shipped_cases())[0], count)


def smollm2(folder: Path) -> tuple[Path, Path]:
    """Return the model directory of SmolLM2-135M-Instruct, and a GGUF file with the same weights in float32.

    Args:
        folder: Folder for the GGUF file.

    Raises:
        EnvironmentFault: The package with the weights, or the package `gguf`, is not installed.
    """
    weights = fetch(resolve("smollm2-135m-instruct-q4"))
    return converted(weights.base), float32_gguf(weights.base, folder / "smollm2-135m-float32.gguf")


def random_gemma(folder: Path) -> Path:
    """Return the folder of a Gemma 3 with 30M random parameters, and with the tokenizer and template of `pocket`.

    If the folder contains no model, the model is made.
    """
    if (folder / "config.json").is_file():
        return folder
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(POCKET)
    config.update(
        {
            "hidden_size": 512,
            "intermediate_size": 2048,
            "num_hidden_layers": 8,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "layer_types": [*["sliding_attention"] * 3, "full_attention"] * 2,
        }
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for name, weight in model.named_parameters():
        if "norm" not in name:
            weight.data *= 3  # with smaller random weights, all prompts have the same answer
    model.generation_config.eos_token_id = json.loads((POCKET / "generation_config.json").read_text())["eos_token_id"]
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(POCKET / file, folder / file)
    return folder
