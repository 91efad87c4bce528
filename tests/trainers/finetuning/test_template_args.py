"""Training with a thinking template: which tokens are learnt, with and without thoughts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.templates.folders import with_template
from tests.trainers.made import TOOLS, dataset
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Call, Message, Toolbox
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.trainers.finetuning.encoded_examples import EncodedExamples
from toolmark.trainers.finetuning.options import LoraOptions
from toolmark.trainers.host import run_training
from toolmark.trainers.lora import LoraTrainer
from toolmark.trainers.training_job import TrainingJob

OFF = {"enable_thinking": False}
CALL = Call(name="find_boat", arguments={"name": "Ada"})
TRACE = Trace(
    messages=(
        Message(role="user", content="Find the boat Ada."),
        Message(role="assistant", tool_calls=(CALL,)),
        Message(role="tool", name="find_boat", content='{"pier": 4}'),
        Message(role="assistant", content="Ada is at pier 4."),
    ),
    toolbox=Toolbox(name="one", tools=TOOLS[:1]),
    query="Find the boat Ada.",
    query_type="easy",
    tool_name="find_boat",
    source="made/test",
)
WRITTEN = {
    "native": '<tool_call>\n{"name": "find_boat", "arguments": {"name": "Ada"}}\n</tool_call>',
    "tagged": '<tool_call>{"tool_name": "find_boat", "args": {"name": "Ada"}}</tool_call>',
}


@pytest.fixture(scope="module")
def one_trace(tmp_path_factory) -> TraceDataset:
    return TraceDataset(dataset(tmp_path_factory.mktemp("one") / "data", [TRACE]))


def learnt(data: TraceDataset, weights: Path, dialect: str, args: dict) -> list[tuple[str, str]]:
    """Each learnt turn with the text directly before it."""
    tokenizer = open_tokenizer(weights)
    examples = EncodedExamples(data, load("toolmark.dialects", dialect)(), weights, print, template_args=args)
    return [
        (tokenizer.decode(example.ids[max(0, start - 30) : start]), tokenizer.decode(ids))
        for example in examples.of("train")
        for start, ids in example.turns()
    ]


@pytest.mark.parametrize("dialect", ["native", "tagged"])
@pytest.mark.parametrize("args", [{}, {"enable_thinking": True}, OFF], ids=["unset", "on", "off"])
def test_calls_and_answers_are_learnt_as_the_template_writes_them(one_trace, pocket, tmp_path, dialect, args):
    weights = with_template(pocket, tmp_path / "thinking", "qwen3")
    (before_call, call), (before_answer, answer) = learnt(one_trace, weights, dialect, args)
    expected = load("toolmark.dialects", dialect)().render(TRACE.messages, TRACE.tools).messages[-1].content
    thought = "" if args == OFF else "<think>\n\n</think>\n\n"  # as the template begins the last turn
    assert call.replace(" ", "") == (thought + WRITTEN[dialect] + "<end_of_turn>").replace(" ", "")
    assert answer == thought + expected + "<end_of_turn>"
    prompt_ends = "assistant\n<think>\n\n</think>\n\n" if args == OFF else "<start_of_turn>assistant\n"
    assert before_call.endswith(prompt_ends)
    assert before_answer.endswith(prompt_ends)


def test_a_thought_that_the_prompt_opens_is_closed_first(one_trace, pocket, tmp_path):
    weights = with_template(pocket, tmp_path / "thinking", "qwen3")
    template = weights / "chat_template.jinja"
    opened = template.read_text().replace(
        "'<start_of_turn>assistant\\n' }}", "'<start_of_turn>assistant\\n<think>\\n' }}"
    )
    assert opened != template.read_text()
    template.write_text(opened)
    for dialect in ("native", "tagged"):
        (_, call), (_, answer) = learnt(one_trace, weights, dialect, {})
        assert call.startswith("\n</think>\n\n<tool_call>")
        assert answer.startswith("\n</think>\n\n")


def test_the_arguments_are_recorded_and_become_the_default(base, data, dev, tmp_path):
    model = tmp_path / "thinking"
    shutil.copytree(with_template(base, tmp_path / "links", "qwen3"), model)
    said: list[str] = []
    job = TrainingJob(
        data=data,
        out=tmp_path / "mine",
        base=str(model),
        dialect="native",
        dev=str(dev),
        dev_limit=2,
        template_args=OFF,
    )
    quick = LoraOptions(r=2, epochs=1, shares={}, score_every=9, threads=1, precision="float32")
    run_training(LoraTrainer(), job, quick, lambda _: None, said.append)
    assert 'The training uses template arguments {"enable_thinking": false} (chosen by --template-args)' in said
    record = WrittenRecord.read(tmp_path / "mine")
    assert record.template_args == OFF
    assert "--template-args '{\"enable_thinking\": false}'" in record.command
    judged = Request(
        models=(str(model),), adapters=(str(tmp_path / "mine"),), cases=str(dev), split="dev", max_tokens=8
    )
    for contestant in Evaluation(judged).contestants:
        assert contestant.template_args.args == OFF


def test_data_show_prints_what_is_learnt(one_trace, pocket, tmp_path, warm):
    weights = with_template(pocket, tmp_path / "thinking", "qwen3")
    shown = ("data", "show", str(one_trace.path), "--base", str(weights), "--dialect", "native")
    off = warm(*shown, "--template-args", json.dumps(OFF))
    assert off.code == 0, off.said
    assert "<think>" in off.out
    on = warm(*shown)
    assert on.code == 0, on.said
    assert "<think>" in on.out
    assert on.out != off.out  # because the model learns to write the thought itself
    wrong = warm(*shown, "--template-args", "off")
    assert (wrong.code, "--template-args: off is not a JSON object" in wrong.err) == (4, True)
