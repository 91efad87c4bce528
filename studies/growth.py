"""Workloads for measuring how the time grows with the number of cases, offered tools and adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from studies.workloads import POCKET, Workload, prompts_of, shipped
from toolmark.benchmark.data.cases import Case, Message, Toolbox
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.tools.catalog import catalog

__all__ = ["ADAPTERS", "CASES", "TOKENS", "TOOLS", "adapters", "of_cases", "of_tools"]

CASES = (400, 1_300, 4_000)
TOOLS = (1, 2, 5, 10, 20, 40)
ADAPTERS = (1, 2, 4, 8)
TOKENS = 48
"""The most tokens of an answer. The limit is low so that a few endless answers do not dominate the time."""

_OPENINGS = ("", "Please help me with this. ", "One more thing: ")
"""Sentences that are put before a request to make new cases."""


def _reworded(case: Case, opening: str) -> Case:
    *before, last = case.messages
    if last.role != "user":
        return case
    return case.model_copy(update={"messages": (*before, Message(role="user", content=f"{opening}{last.content}"))})


def of_cases(count: int) -> Workload:
    """Make a workload of `count` cases: shipped cases, then the same cases with a sentence before the request."""
    cases = [*shipped(None), *load_cases(str(POCKET.parents[2] / "suites" / "cases"), "dev")[0]]
    every = [_reworded(case, opening) for opening in _OPENINGS for case in cases]
    chosen = limited(cases, count) if count < len(cases) else every[:count]
    return Workload(f"{count} cases", POCKET, prompts_of(chosen), TOKENS)


def of_tools(offered: int, count: int) -> Workload:
    """Make a workload of the same requests, with `offered` tools of the catalog including the right tool."""
    tools = list(catalog().tools)
    cases = []
    for number, case in enumerate(shipped(count)):
        wanted = [spec.name for option in getattr(case.expect, "any_of", ())[:1] for spec in option.calls][:offered]
        # Several shipped cases share a list of tools, so each length has four lists.
        turn = 7 * (number % 4)
        order = [*tools[turn:], *tools[:turn]]
        chosen = [tool for tool in order if tool.name not in wanted][: offered - len(wanted)]
        chosen += [tool for tool in order if tool.name in wanted]
        cases.append(case.model_copy(update={"toolbox": Toolbox(name="offered", tools=tuple(chosen))}))
    return Workload(f"{offered} tools", POCKET, prompts_of(cases), TOKENS)


def adapters(cache: Path) -> Sequence[Path]:
    """Make eight LoRA adapters for `pocket` with random weights, or use the adapters in `cache`."""
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
