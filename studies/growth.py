"""Makes workloads with different numbers of cases, offered tools and adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from studies.workloads import POCKET, Workload, prompts_of, shipped
from toolmark.benchmark.data.cases import Case, Message, Toolbox
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.tools.catalog import catalog

__all__ = ["ADAPTERS", "CASES", "TOKENS", "TOOLS", "adapters", "of_cases", "of_tools"]

CASES = (400, 1_300, 4_000)
TOOLS = (1, 2, 5, 10, 20, 40)
ADAPTERS = (1, 2, 4, 8)
TOKENS = 48
"""Largest number of tokens per answer. With a higher limit, a few endless answers would take most of the time."""

_OPENINGS = ("", "Please help me with this. ", "One more thing: ")
"""Sentences before a request. Each sentence makes a new case from a shipped case."""


def _reworded(case: Case, opening: str) -> Case:
    *before, last = case.messages
    if last.role != "user":
        return case
    return case.model_copy(update={"messages": (*before, Message(role="user", content=f"{opening}{last.content}"))})


def of_cases(count: int) -> Workload:
    """Return a workload of `count` cases.

    If there are too few shipped cases, copies with a sentence before the request are added.
    """
    cases = [*shipped(None), *load_cases(shipped_cases(), "dev")[0]]
    every = [_reworded(case, opening) for opening in _OPENINGS for case in cases]
    chosen = limited(cases, count) if count < len(cases) else every[:count]
    return Workload(f"{count} cases", POCKET, prompts_of(chosen), TOKENS)


def of_tools(offered: int, count: int) -> Workload:
    """Return a workload of `count` requests. Each request offers `offered` tools, including the right tool."""
    tools = list(catalog().tools)
    cases = []
    for number, case in enumerate(shipped(count)):
        wanted = [spec.name for option in getattr(case.expect, "any_of", ())[:1] for spec in option.calls][:offered]
        # Several shipped cases share a list of tools. The workload does too: it has only four lists of each length.
        turn = 7 * (number % 4)
        order = [*tools[turn:], *tools[:turn]]
        chosen = [tool for tool in order if tool.name not in wanted][: offered - len(wanted)]
        chosen += [tool for tool in order if tool.name in wanted]
        cases.append(case.model_copy(update={"toolbox": Toolbox(name="offered", tools=tuple(chosen))}))
    return Workload(f"{offered} tools", POCKET, prompts_of(cases), TOKENS)


def adapters(cache: Path) -> Sequence[Path]:
    """Return eight LoRA adapters for `pocket` with random weights. Adapters that are missing in `cache` are made."""
    return [*_adapters(cache)]


def _adapters(cache: Path) -> Iterator[Path]:
    for number in range(max(ADAPTERS)):
        folder = cache / f"adapter-{number}"
        if not (folder / "adapter_model.safetensors").is_file():
            import torch
            from peft import LoraConfig, get_peft_model
            from transformers import AutoModelForCausalLM

            torch.manual_seed(number)
            model = AutoModelForCausalLM.from_pretrained(POCKET, dtype=torch.float32)
            config = LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
            get_peft_model(model, config).save_pretrained(str(folder))
        yield folder
