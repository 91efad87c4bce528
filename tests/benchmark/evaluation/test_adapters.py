"""Tests verdicts on three adapters: one changes nothing, one changes a little, and one never calls a tool.

The last one is trained for eight steps to answer every question with one word. Adapters that learn to call are in
test_trained_adapters.py.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.forked.commands import Ended
from toolmark.benchmark.data.cases import Case, Toolbox
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.prefix_attention import register
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.tools.catalog import catalog
from toolmark.generators.template import TemplateGenerator, TemplateOptions
from toolmark.trainers.finetuning.batch_layout import batch_loss, packed_rows

NAMES = ("word_count", "get_weather", "calculator", "set_reminder", "convert_currency", "reverse_list")
TOOLS = Toolbox(name="few", tools=tuple(catalog()[name] for name in NAMES))
JUDGED, BATCH, STEPS = 40, 4, 8


@pytest.fixture(scope="module")
def questions() -> list[Case]:
    options = TemplateOptions(count=120, max_distractors=1, typos=0, casual=0)
    with Executor() as executor:
        proposed = TemplateGenerator().propose(TOOLS, options, Generation(5, executor.run))
        return list({trace.case.id: trace.case for trace in proposed if trace.case is not None}.values())


@pytest.fixture(scope="module")
def cases(questions: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("cases") / "unseen.jsonl"
    file.write_text("".join(map(case_line, questions[:JUDGED])))
    return file


@pytest.fixture(scope="module")
def adapters(questions: list[Case], pocket: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    register()
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("adapters")
    tokenizer = AutoTokenizer.from_pretrained(pocket)
    model = AutoModelForCausalLM.from_pretrained(pocket, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
    model.save_pretrained(folder / "same")
    seconds = [weight for name, weight in model.named_parameters() if "lora_B" in name]
    for weight in seconds:
        torch.nn.init.normal_(weight, std=0.02)
    model.save_pretrained(folder / "noisy")
    for weight in seconds:
        torch.nn.init.zeros_(weight)
    optimizer = torch.optim.AdamW((weight for weight in model.parameters() if weight.requires_grad), lr=5e-3)
    for step in range(STEPS):
        asked = questions[JUDGED + BATCH * step :][:BATCH]
        rows = [encode(Json().render(case.messages, case.toolbox.tools), tokenizer, "No.") for case in asked]
        batch_loss(model, packed_rows(rows)).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder / "silent")
    return {name: folder / name for name in ("same", "noisy", "silent")}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def judged(suites, runs: Path, cases: Path, adapter: Path, *arguments: str) -> tuple[Ended, dict[str, str]]:
    """An adapter against its base, and the verdict of each primary metric from the JUnit file."""
    junit = runs / "junit.xml"
    command = ("--model", "pocket", "--adapter", str(adapter), "--dialect", "json", "--cases", str(cases))
    # Its selection of tools is at chance level before and after, which does not matter here.
    unbound = ("--floor", "selection.tool=0", "--floor", "timing.balanced=0")
    run = suites(*command, *unbound, *arguments, "-k", "not gold", "-rs", "--junitxml", str(junit), runs=runs)
    found = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        properties = {node.get("name"): node.get("value") for node in case.iter("property")}
        if "verdict" in properties:
            found[properties["metric"]] = properties["verdict"]
    return run, found


def test_one_that_calls_no_more_is_a_regression(suites, adapters, cases, runs):
    run, verdicts = judged(suites, runs, cases, adapters["silent"])
    assert run.returncode == 1, run.stdout + run.stderr
    assert verdicts["timing.recall"] == "regressed", run.stdout


def test_the_same_weights_are_equivalent(suites, adapters, cases, runs):
    run, verdicts = judged(suites, runs, cases, adapters["same"])
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(verdicts.values()) == {"equivalent"}


def test_a_small_change_on_twenty_cases_is_inconclusive(suites, adapters, cases, runs):
    run, verdicts = judged(suites, runs, cases, adapters["noisy"], "--limit", "20")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "inconclusive" in verdicts.values()
    assert "the minimum detectable effect is" in run.stdout


def test_another_identity_is_red_and_refused_when_strict(suites, adapters, cases, runs, tmp_path):
    """The baseline was recorded under another dtype."""
    candidate = ("--model", f"pocket:{adapters['same']}", "--dialect", "json", "--cases", str(cases), "-k", "recall")
    suites(*candidate, runs=runs)
    ledger = next(file for file in runs.glob("*/ledger.jsonl") if "same" in file.parent.name)
    first, *rest = ledger.read_text().splitlines(keepends=True)
    line = json.loads(first)
    line["run"]["identity"]["dtype"] = "bfloat16"
    (tmp_path / "ledger.jsonl").write_text(json.dumps(line) + "\n" + "".join(rest))
    run = suites(*candidate, "--baseline", str(tmp_path), runs=runs)
    assert "identity: dtype is float32, and bfloat16 in the baseline" in run.stdout
    strict = suites(*candidate, "--baseline", str(tmp_path), "--strict-identity", runs=runs)
    assert strict.returncode == 4
    assert "differ in dtype: float32 and bfloat16" in strict.stderr


@pytest.mark.slow
def test_eight_adapters_take_little_more_memory_than_one(suites, adapters, cases, tmp_path):
    copies = [shutil.copytree(adapters["noisy"], tmp_path / f"adapter-{number}") for number in range(8)]

    def peak(*given: Path) -> int:
        named = [word for adapter in given for word in ("--adapter", str(adapter))]
        few = ("--cases", str(cases), "--dialect", "json", "--limit", "4", "-k", "stops", "-q")
        run = suites("--model", "pocket", *named, *few, runs=tmp_path / f"{len(given)}")
        assert run.returncode in (0, 1), run.said
        return run.peak

    assert peak(*copies) < 1.2 * peak(copies[0])
