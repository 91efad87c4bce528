"""The probability of a call is that of a plain forward pass at the decision, and a threshold decides there."""

from __future__ import annotations

import shutil

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    PreTrainedTokenizerBase,
    Qwen3Config,
)

from tests.templates.folders import TEMPLATES
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.engine.call_beginning import CallBeginning, call_mark
from toolmark.benchmark.engine.call_opening import CallOpening
from toolmark.benchmark.engine.call_probability import CallProbability
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.engine.reply_beginnings import reply_texts
from toolmark.benchmark.engine.thought_tokens import ThoughtTokens
from toolmark.benchmark.engine.token_choice import most_likely
from toolmark.benchmark.readers.case_selection import limited, load_cases

SMALL = {
    "vocab_size": 2048,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 8192,
    "eos_token_id": 1,
    "bos_token_id": 2,
    "pad_token_id": 0,
}
CONFIGS = {
    "gemma3": Gemma3TextConfig(**SMALL, sliding_window=40, query_pre_attn_scalar=8),
    "llama": LlamaConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL),
    "padded": Gemma2Config(**SMALL, sliding_window=40, query_pre_attn_scalar=8, attn_logit_softcapping=0.5),
}
MARKS = {"tagged": "<to", "hermes": "<to", "json": "{", "pythonic": "[", "mistral": "[TO", "lfm2": "<|to"}


def folder_of(name: str, pocket, out):
    """The shipped model, or a small random model with the tokenizer of the shipped model."""
    if name == "pocket":
        return pocket
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIGS[name], dtype=torch.float32)
    for weight in model.parameters():
        weight.data *= 3
    model.save_pretrained(out)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (pocket / file).exists():
            shutil.copy(pocket / file, out)
    return out


def plainly(model, tokenizer, ids: list[int], mark: str) -> float:
    """The same probability, by its definition: plain passes, and texts instead of tables of tokens."""
    written, reached = "", 1.0
    while True:
        with torch.no_grad():
            chances = torch.softmax(model(torch.tensor([ids])).logits[0, -1].double(), -1)
        texts = [(written + tokenizer.decode([token])).lstrip() for token in range(len(chances))]
        opened = sum(
            float(chance)
            for chance, text in zip(chances, texts, strict=True)
            if text and (text.startswith(mark) or mark.startswith(text))
        )
        token = int(chances.argmax())
        if texts[token] and not (mark.startswith(texts[token]) and texts[token] != mark):
            return reached * opened
        written, ids = texts[token], [*ids, token]
        reached *= float(chances[token]) if written else 1.0


QUICK = {("gemma3", "tagged"), ("padded", "json")}


@pytest.mark.parametrize(
    ("name", "dialect_name"),
    [
        pytest.param(name, dialect, marks=[pytest.mark.slow] * ((name, dialect) not in QUICK))
        for name in ("pocket", *CONFIGS)
        for dialect in ("tagged", "json")
    ],
)
def test_it_is_that_of_a_plain_forward_pass(name, dialect_name, pocket, tmp_path):
    folder, dialect = folder_of(name, pocket, tmp_path), load("toolmark.dialects", dialect_name)()
    tokenizer = AutoTokenizer.from_pretrained(pocket)
    cases = limited(load_cases(shipped_cases())[0], 4)
    prompts = [dialect.render(case.messages, case.toolbox.tools[:2]) for case in cases]
    engine = LocalEngine(folder, Decoding(max_tokens=4), device="cpu", dtype="float32", threads=1)
    engine.prepare(prompts, dialect)
    found = {index: completion.call_probability for index, completion in engine.answer(range(len(prompts)))}
    assert ("prefixes" in engine.environment()["batch"]) == (name != "padded")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    expected = [plainly(model, tokenizer, encode(prompt, tokenizer).ids, MARKS[dialect_name]) for prompt in prompts]
    assert [found[index] for index in range(len(prompts))] == pytest.approx(expected, abs=1e-5, rel=1e-4)
    assert len(set(expected)) > 1


@pytest.mark.parametrize("dialect_name", MARKS)
def test_the_mark_is_the_shortest_text_that_shows_a_call(dialect_name, pocket):
    opening = CallOpening.of(load("toolmark.dialects", dialect_name)(), AutoTokenizer.from_pretrained(pocket))
    mark = MARKS[dialect_name]
    assert opening.opened(mark)
    assert opening.opened(mark + "ol")
    assert not any(opening.opened(mark[:end]) for end in range(len(mark)))
    assert not opening.opened("<think>")
    assert not opening.opened("[THINK]")


def test_without_a_common_beginning_of_calls_there_is_no_mark():
    assert call_mark("", [""]) is None
    assert call_mark("<a", ["<a>"]) is None


class Table:
    """Choices between tokens whose chances are written down, for one sequence."""

    def __init__(self, tokenizer, threshold=None, prompt="Hi", dialect="hermes"):
        self.tokenizer = tokenizer
        opening = CallOpening.of(load("toolmark.dialects", dialect)(), tokenizer)
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        ends = [tokenizer.eos_token_id]
        self.calls = CallProbability(opening, ThoughtTokens(tokenizer.decode), {7: ids}, ends, threshold)
        self.choose = self.calls.watch(most_likely)

    def step(self, **chances: float) -> str:
        logits = torch.full((1, len(self.tokenizer)), -50.0)
        for name, chance in chances.items():
            ids = self.tokenizer(NAMED.get(name, name), add_special_tokens=False)["input_ids"]
            logits[0, ids[0]] = torch.tensor(chance).log()
        return self.tokenizer.decode(self.choose(logits, [7]))

    def read(self, text: str, *, sure: float = 1.0) -> None:
        """Choose the tokens of `text`, each with the chance `sure`."""
        for token in self.tokenizer(text, add_special_tokens=False)["input_ids"]:
            logits = torch.full((1, len(self.tokenizer)), -50.0)
            logits[0, token], logits[0, self.tokenizer.unk_token_id or 0] = torch.tensor([sure, 1 - sure]).log()
            assert self.choose(logits, [7]) == [token]


NAMED = {"less": "<", "more": ">", "line": "\n", "end": "<eos>", "think": "<think>", "close": "</think>"}
NAMED |= {"channel": "<|channel|>", "message": "<|message|>", "to": " to", "is": "="}
NAMED |= {"section": "<｜tool▁calls▁begin｜>"}


@pytest.fixture
def tokenizer(pocket):
    tokenizer = AutoTokenizer.from_pretrained(pocket)
    tokenizer.add_tokens(["<think>", "</think>"])
    return tokenizer


def test_thoughts_and_white_space_come_before_the_decision(tokenizer):
    table = Table(tokenizer)
    table.step(line=0.9, less=0.1)
    table.step(think=0.6, less=0.4)
    table.step(less=1.0)
    table.step(tool=1.0)
    table.step(close=1.0)
    table.step(line=0.6, a=0.4)
    table.step(less=0.7, a=0.3)
    assert table.calls.found[7] == pytest.approx(0.7)
    table.step(tool=0.2, a=0.8)
    assert table.calls.found[7] == pytest.approx(0.7 * 0.2)
    table.step(less=1.0)
    table.step(tool=1.0)
    assert table.calls.found[7] == pytest.approx(0.7 * 0.2)


def test_an_engine_that_lists_only_the_openers_finds_the_same_probability(tokenizer):
    """vLLM returns the log-probabilities of tokens that are named before."""
    table, listed = Table(tokenizer), Table(tokenizer)
    openers = CallOpening.of(load("toolmark.dialects", "hermes")(), tokenizer).every_opener()

    def choose(logits, indices):
        logs = logits.double().log_softmax(-1)[0]
        token = int(logs.argmax())
        listed.calls.read(7, {one: float(logs[one]) for one in (*openers, token)})
        listed.calls.after(indices, [token])
        return [token]

    listed.choose = choose
    steps = [{"think": 0.6, "less": 0.4}, {"less": 1.0}, {"close": 1.0}, {"line": 0.6, "less": 0.4}]
    for chances in (*steps, {"less": 0.7, "a": 0.3}, {"tool": 0.4, "a": 0.6}):
        for one in (table, listed):
            one.step(**chances)
        assert listed.calls.found == pytest.approx(table.calls.found)
    assert table.calls.found[7] == pytest.approx(0.7 * 0.4)


DIALECTS = [name for name in names("toolmark.dialects") if name != "native"]
THOUGHTS = {
    "gemma4": ("<|channel>", "<channel|>"),
    "harmony": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant"),
    "kimi": ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),
    "mistral": ("[THINK]", "[/THINK]"),
}
"""How the models of a dialect begin and end a thought. The models of the other dialects use `<think>`."""
SECTION = "<｜tool▁calls▁begin｜>"
"""The token with which calls of DeepSeek begin."""


@pytest.mark.parametrize("dialect_name", DIALECTS)
def test_in_each_dialect_the_decision_comes_after_the_thought(dialect_name, tokenizer):
    tokenizer.add_tokens([SECTION])
    dialect = load("toolmark.dialects", dialect_name)()
    (call, _), beginning = reply_texts(dialect), CallBeginning.of_dialect(dialect)
    mark = next(call[:end] for end in range(len(call) + 1) if beginning.opened(call[:end]))
    if dialect_name == "deepseek":
        mark = SECTION
    opening, closing = THOUGHTS.get(dialect_name, ("<think>", "</think>\n"))
    thought = f"Perhaps: <tool_call>[TOOL_CALLS]{call}{closing}"
    for prompt, before in (("Hi", ""), ("Hi", opening + thought), (f"Hi{opening}", thought)):
        decided = []
        for text in (mark, "Words."):
            table = Table(tokenizer, prompt=prompt, dialect=dialect_name)
            table.read(before)
            table.read(text, sure=0.9)
            decided.append(table.calls.found[7])
        tokens = len(tokenizer(mark, add_special_tokens=False)["input_ids"])
        assert decided == [pytest.approx(0.9**tokens), pytest.approx(0.0)], (prompt, before)


HARMONY = ("<|start|>", "<|end|>", "<|channel|>", "<|message|>", "<|call|>", "<|constrain|>")
WORDS = ("assistant", "analysis", "commentary", "final", " to")


@pytest.fixture(params=["harmony", "native"])
def gpt_oss(request, tokenizer) -> tuple[PreTrainedTokenizerBase, str]:
    """A tokenizer with the tokens and the chat template of gpt-oss, and a dialect."""
    tokenizer.add_tokens([*HARMONY, *WORDS])
    tokenizer.chat_template = (TEMPLATES / "gpt-oss.jinja").read_text(encoding="utf-8")
    return tokenizer, request.param


def test_a_message_of_thoughts_comes_before_the_decision_of_gpt_oss(gpt_oss):
    tokenizer, dialect = gpt_oss
    table = Table(tokenizer, dialect=dialect)
    table.step(channel=0.9, to=0.1)
    table.step(analysis=0.6, final=0.4)
    table.read("<|message|>Perhaps a call to=functions.f? No.<|end|><|start|>assistant")
    table.step(channel=0.9, to=0.1)
    assert table.calls.found[7] == pytest.approx(1.0)
    table.step(commentary=0.7, final=0.2, analysis=0.1)
    assert table.calls.found[7] == pytest.approx(0.9 * 0.7)
    table.step(to=0.8, message=0.2)
    assert table.calls.found[7] == pytest.approx(0.9 * 0.7 * 0.8)
    table.step(final=1.0)
    assert table.calls.found[7] == pytest.approx(0.9 * 0.7 * 0.8), "the decision was made before"


@pytest.mark.parametrize(("chances", "found"), [({"final": 0.6, "commentary": 0.4}, 0.4), ({"commentary": 1.0}, 1.0)])
def test_an_answer_of_gpt_oss_is_no_call(gpt_oss, chances, found):
    tokenizer, dialect = gpt_oss
    table = Table(tokenizer, dialect=dialect)
    table.step(channel=1.0)
    table.step(**chances)
    assert table.calls.found[7] == pytest.approx(found)
    table.step(message=0.9, to=0.1)
    assert table.calls.found[7] == pytest.approx(found if found < 1 else 0.1), "words before a call are an answer"


def test_a_call_of_gpt_oss_can_begin_with_its_recipient(gpt_oss):
    tokenizer, dialect = gpt_oss
    table = Table(tokenizer, dialect=dialect)
    table.read("<|channel|>analysis<|message|>Go.<|end|><|start|>assistant")
    table.step(to=0.8, channel=0.2)
    table.step(**{"is": 1.0})
    assert table.calls.found[7] == pytest.approx(0.8)


@pytest.mark.parametrize(("threshold", "chosen"), [(0.3, ["commentary", " to"]), (0.5, ["final", "<|message|>"])])
def test_a_threshold_decides_after_the_thought_of_gpt_oss(gpt_oss, threshold, chosen):
    tokenizer, dialect = gpt_oss
    table = Table(tokenizer, threshold, dialect=dialect)
    table.read("<|channel|>analysis<|message|>Go.<|end|><|start|>assistant")
    assert table.step(channel=1.0) == "<|channel|>"
    assert [table.step(final=0.6, commentary=0.4), table.step(message=0.9, to=0.1)] == chosen


def test_a_forced_call_has_no_dead_end(tokenizer):
    """`<` begins the token of DeepSeek, but no other token of this vocabulary goes on from there."""
    tokenizer.add_tokens([SECTION])
    table = Table(tokenizer, 0.1, dialect="deepseek")
    assert table.step(a=0.5, less=0.3, section=0.2) == SECTION
    assert table.calls.found[7] == pytest.approx(0.2)


def test_a_forced_call_of_gpt_oss_can_begin_with_its_recipient(gpt_oss):
    tokenizer, dialect = gpt_oss
    table = Table(tokenizer, 0.3, dialect=dialect)
    assert [table.step(to=0.9, a=0.1), table.step(a=0.6, **{"is": 0.4})] == [" to", "="]
    assert table.calls.found[7] == pytest.approx(0.9 * 0.4)
    assert [table.step(a=1.0) for _ in "functions."] != ["a"] * 10, "the rest of the recipient is written"
    assert table.step(a=1.0) == "a", "then the model chooses again"


@pytest.mark.parametrize(("prompt", "first"), [("Hi<think>", []), ("Hi", [{"think": 0.6, "less": 0.4}])])
def test_a_completion_that_ends_inside_its_thought_makes_no_call(tokenizer, prompt, first):
    table = Table(tokenizer, prompt=prompt)
    for chances in (*first, {"tool": 1.0}):
        table.step(**chances)
    assert table.calls.found == {7: 0.0}


def test_a_prompt_can_open_the_thought(tokenizer):
    table = Table(tokenizer, prompt="Hi<think>")
    table.step(tool=1.0)
    table.step(close=1.0)
    table.step(less=0.25, a=0.75)
    assert table.calls.found[7] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("threshold", "chances", "chosen"),
    [
        (0.2, {"a": 0.7, "less": 0.3}, ["<", "tool", "_", "call", ">"]),
        (0.4, {"a": 0.7, "less": 0.3}, ["a"] * 5),
        (0.8, {"less": 0.7, "a": 0.2, "end": 0.1}, ["a"] * 5),
        (0.65, {"less": 0.7, "a": 0.3}, ["<", "a", "a", "a", "a"]),  # the tool comes with 31%: 0.7 * 0.31 is below
        (0.21, {"less": 0.7, "a": 0.3}, ["<", "tool", "_", "call", ">"]),
    ],
)
def test_a_threshold_decides_by_the_probability(tokenizer, threshold, chances, chosen):
    table = Table(tokenizer, threshold)
    rest = {"tool": 0.3, "_": 0.03, "call": 0.02, "more": 0.01, "a": 0.6}
    assert [table.step(**chances), *(table.step(**rest) for _ in range(4))] == chosen


def test_an_answer_in_place_of_a_call_is_not_empty(pocket):
    tokenizer = AutoTokenizer.from_pretrained(pocket)
    opening = CallOpening.of(load("toolmark.dialects", "json")(), tokenizer)
    calls = CallProbability(opening, ThoughtTokens(tokenizer.decode), {0: [5]}, [tokenizer.eos_token_id], 0.9)
    call, word = (tokenizer(text, add_special_tokens=False)["input_ids"][0] for text in ('{"', "a"))
    logits = torch.full((1, len(tokenizer)), -50.0)
    for token, chance in ((call, 0.7), (tokenizer.eos_token_id, 0.2), (word, 0.1)):
        logits[0, token] = torch.tensor(chance).log()
    assert calls.watch(most_likely)(logits, [0]) == [word]
    assert calls.found[0] == pytest.approx(0.7)
