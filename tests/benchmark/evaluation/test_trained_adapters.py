"""Tests everything from weights to a verdict, with LoRA adapters that this test trains on `pocket`.

One adapter learns the right tools from template questions, another the same questions with the names of the tools
swapped in the answers. Both are judged on template questions that neither has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.forked.commands import Ended
from toolmark.benchmark.data.cases import Message, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.encoding import Encoded, encode
from toolmark.benchmark.engine.prefix_attention import register
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.tools.catalog import catalog
from toolmark.generators.template import TemplateGenerator, TemplateOptions
from toolmark.trainers.finetuning.batch_layout import batch_loss, packed_rows

pytestmark = pytest.mark.slow

NAMES = ("word_count", "get_weather", "calculator", "set_reminder", "convert_currency", "reverse_list")
TOOLS = Toolbox(name="few", tools=tuple(catalog()[name] for name in NAMES))
SWAPPED = dict(zip(NAMES, NAMES[1:] + NAMES[:1], strict=True))
JUDGED, BATCH, STEPS = 120, 8, (20, 40)


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    options = TemplateOptions(count=600, max_distractors=1, typos=0, casual=0)
    with Executor() as executor:
        proposed = TemplateGenerator().propose(TOOLS, options, Generation(5, executor.run))
        return list({trace.case.id: trace for trace in proposed if trace.case is not None}.values())


@pytest.fixture(scope="module")
def cases(traces: Sequence[Trace], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("cases") / "unseen.jsonl"
    file.write_text("".join(case_line(trace.case) for trace in traces[:JUDGED] if trace.case is not None))
    return file


def swapped(message: Message) -> Message:
    calls = tuple(call.model_copy(update={"name": SWAPPED[call.name]}) for call in message.tool_calls)
    return message.model_copy(update={"tool_calls": calls})


def train(pocket: Path, traces: Sequence[Trace], change: Callable[[Message], Message], out: Path) -> list[Path]:
    """A plain LoRA training on the first answer of each trace; one adapter after each number of steps."""
    register()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(pocket)
    model = AutoModelForCausalLM.from_pretrained(pocket, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
    examples: list[Encoded] = []
    for trace in traces:
        before, answer = next(trace.turns_to_learn())
        reply = Tagged().render([*before, change(answer)], trace.tools).messages[-1].content
        examples.append(encode(Tagged().render(before, trace.tools), tokenizer, reply))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    stream = cycle(examples)
    saved = []
    for step in range(1, STEPS[-1] + 1):
        batch_loss(model, packed_rows(list(islice(stream, BATCH)))).backward()
        optimizer.step()
        optimizer.zero_grad()
        if step in STEPS:
            model.save_pretrained(out / f"step-{step}")
            saved.append(out / f"step-{step}")
    return saved


@pytest.fixture(scope="module")
def adapters(traces, pocket, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    early, right = train(pocket, traces[JUDGED:], lambda answer: answer, folder / "right")
    _, wrong = train(pocket, traces[JUDGED:], swapped, folder / "wrong")
    return {"early": early, "right": right, "wrong": wrong}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


def judged(suites, runs: Path, *arguments: str) -> tuple[Ended, dict[str, str]]:
    """A run of the suites, and the verdict of each primary metric from its JUnit file."""
    junit = runs / "junit.xml"
    run = suites(*arguments, "-k", "not gold", "-rs", "--junitxml", str(junit), runs=runs)
    found = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        properties = {node.get("name"): node.get("value") for node in case.iter("property")}
        if "verdict" in properties:
            found[properties["metric"]] = properties["verdict"]
    return run, found


def test_swapped_tools_are_a_regression(suites, adapters, cases, runs):
    wrong, right = (f"pocket:{adapters[name]}" for name in ("wrong", "right"))
    run, verdicts = judged(suites, runs, "--model", wrong, "--baseline", right, "--cases", str(cases))
    assert run.returncode == 1, run.stdout + run.stderr
    assert verdicts["selection.tool"] == "regressed", run.stdout


def test_the_same_weights_are_equivalent(suites, adapters, cases, runs):
    spec = f"pocket:{adapters['right']}"
    # After forty steps it calls, but its selection of tools may be at chance level, which does not matter here.
    unbound = ("--floor", "selection.tool=0")
    run, verdicts = judged(suites, runs, "--model", spec, "--baseline", spec, "--cases", str(cases), *unbound)
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(verdicts.values()) == {"equivalent"}


def test_two_checkpoints_on_twenty_cases_are_inconclusive(suites, adapters, cases, runs):
    early, right = (f"pocket:{adapters[name]}" for name in ("early", "right"))
    few = ("--cases", str(cases), "--limit", "20")
    run, verdicts = judged(suites, runs, "--model", right, "--baseline", early, *few)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "inconclusive" in verdicts.values()
    assert "the minimum detectable effect is" in run.stdout
