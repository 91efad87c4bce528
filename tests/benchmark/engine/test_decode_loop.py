"""Shared prefixes change nothing: the same tokens as one prompt at a time, for every kind of model and batch."""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, LlamaConfig, Qwen3Config

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.decode_attention import Decode
from toolmark.benchmark.engine.decode_loop import DecodeLimits, decode
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.kept_sequences import KeptSequences
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.prompt_lookup import as_text, draft_tokens
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.readers.case_selection import limited, load_cases

SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
WINDOW = 40
CONFIGS = {
    "gemma3": Gemma3TextConfig(
        **SMALL,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        query_pre_attn_scalar=8,
    ),
    "llama": LlamaConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1),
}
FEW = [pytest.param(name, marks=[pytest.mark.slow] * (name != "gemma3")) for name in CONFIGS]
"""The quick tests take the family with both kinds of layers."""

STOPS = frozenset({3, 4, 5})
TOKENS = 24


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(name: str):
    torch.manual_seed(0)
    # Small random weights say the same whatever they read: large ones tell apart.
    model = AutoModelForCausalLM.from_config(CONFIGS[name], dtype=torch.float32).eval()
    for weight in model.parameters():
        weight.data *= 3
    return model


def rows() -> dict[int, list[int]]:
    """Prompts that share prefixes of prefixes, beyond the window and within it; one is the beginning of another."""
    draw = random.Random(1)

    def tokens(count: int) -> list[int]:
        return [draw.randrange(10, 97) for _ in range(count)]

    root = tokens(35)
    boxes = [root + tokens(count) for count in (33, 70, 150, 300)]
    prompts = [box + tokens(draw.randint(1, 60)) for box in boxes for _ in range(5)]
    prompts += [tokens(20), tokens(3), prompts[0], [*prompts[7], 11, 12], boxes[2]]
    draw.shuffle(prompts)
    return dict(enumerate(prompts))


def greedy(logits: torch.Tensor, _: object) -> list[int]:
    return logits.argmax(-1).tolist()


def alone(model, prompt: list[int], stops=STOPS, tokens: int = TOKENS) -> list[int]:
    ids = torch.tensor([prompt])
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=sorted(stops),
        pad_token_id=0,
    )
    return output[0, len(prompt) :].tolist()


@cache
def alone_by(name: str) -> dict[int, list[int]]:
    """What the model of that name writes after each of the rows, read alone."""
    model = tiny(name)
    return {index: alone(model, prompt) for index, prompt in rows().items()}


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("gemma3", count) for count in (1, 3, 64)),
        *(
            pytest.param(name, count, marks=[pytest.mark.slow] * (count != 3))
            for name in CONFIGS
            if name != "gemma3"
            for count in (1, 3, 64)
        ),
    ],
)
def test_every_row_gets_what_it_gets_alone(name, count):
    model = tiny(name)
    forward = packed_forward(model)
    assert forward is not None
    prompts, expected = rows(), alone_by(name)
    assert len({tuple(tokens) for tokens in expected.values()}) > 15
    assert len({len(tokens) for tokens in expected.values()}) > 2
    assert (
        dict(decode(prompts, forward, greedy, DecodeLimits(TOKENS, STOPS, sequences=count, pass_tokens=64))) == expected
    )


@pytest.mark.parametrize("name", FEW)
def test_what_a_long_answer_has_written_is_not_lost(name):
    """Own tokens leave their slot when they are many, more than once, and windows run out of them."""
    model = tiny(name)
    prompts, stops = dict(list(rows().items())[:3]), frozenset({1000})
    expected = {index: alone(model, prompt, stops, 280) for index, prompt in prompts.items()}
    assert {len(tokens) for tokens in expected.values()} == {280}
    assert dict(decode(prompts, packed_forward(model), greedy, DecodeLimits(280, stops, sequences=2))) == expected


def test_a_row_may_end_before_its_stop_and_the_others_go_on():
    model = tiny("gemma3")
    forward, prompts = packed_forward(model), rows()

    def ended(index, written):
        return index % 3 == 0 and len(written) == 4

    whole = dict(decode(prompts, forward, greedy, DecodeLimits(TOKENS, STOPS, sequences=5)))
    found = dict(decode(prompts, forward, greedy, DecodeLimits(TOKENS, STOPS, sequences=5, ended=ended)))
    assert found == {index: tokens[:4] if index % 3 == 0 else tokens for index, tokens in whole.items()} != whole


@pytest.mark.parametrize("name", FEW)
def test_an_adapter_is_part_of_every_pass(name):
    model = tiny(name)
    prompts, plain = rows(), alone_by(name)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    worn = get_peft_model(model, config).eval()
    forward = packed_forward(model)
    assert forward is not None
    limits = DecodeLimits(TOKENS, STOPS, sequences=8)
    expected = {index: alone(worn, prompt) for index, prompt in prompts.items()}
    assert dict(decode(prompts, forward, greedy, limits)) == expected != plain
    with worn.disable_adapter():
        assert dict(decode(prompts, forward, greedy, limits)) == plain


@pytest.mark.slow
def test_shipped_cases_get_what_they_get_alone(pocket):
    model = AutoModelForCausalLM.from_pretrained(pocket, dtype=torch.float32).eval()
    torch.set_num_threads(1)
    tokenizer = open_tokenizer(pocket)
    cases = limited(load_cases("suites/cases", "test")[0], 12, 0)
    prompts = {
        n: encode(Tagged().render(case.messages, case.toolbox.tools), tokenizer).ids for n, case in enumerate(cases)
    }
    assert max(map(len, prompts.values())) > 4000
    forward, stops = packed_forward(model), frozenset(model.generation_config.eos_token_id)
    assert forward is not None
    expected = {n: alone(model, prompt, stops, 32) for n, prompt in prompts.items()}
    assert dict(decode(prompts, forward, greedy, DecodeLimits(32, stops, sequences=8))) == expected


def test_a_model_whose_attention_does_more_is_left_alone():
    """Gemma 2 caps its scores within the attention."""
    torch.manual_seed(0)
    config = Gemma2Config(**SMALL, query_pre_attn_scalar=8, sliding_window=WINDOW, attn_logit_softcapping=0.5)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for weight in model.parameters():
        weight.data *= 3
    assert packed_forward(model) is None


def test_prefixes_are_read_once_and_rows_are_never_padded():
    model = tiny("llama")
    forward = packed_forward(model)
    prompts, read = {n: [*range(10, 90), 90 + n] for n in range(6)}, []

    def counting(ids, positions, packed, ends):
        read.append(len(ids))
        return forward(ids, positions, packed, ends)

    assert len(dict(decode(prompts, counting, greedy, DecodeLimits(1, STOPS, sequences=6)))) == 6
    assert read == [80, 1, 5], "the first prompt is read alone, which shows how long the run will take"


@pytest.mark.parametrize("name", FEW)
def test_a_prompt_that_continues_another_is_read_from_there(name):
    """Also if the answer is written otherwise in the next prompt, or if a part of the prompt before is left out."""
    model = tiny(name)
    forward, prompts, read = packed_forward(model), dict(list(rows().items())[:12]), []

    def counting(ids, positions, packed, ends):
        read.append(0 if isinstance(packed, Decode) else len(ids))
        return forward(ids, positions, packed, ends)

    limits, kept, more = DecodeLimits(8, STOPS, sequences=5), KeptSequences(room=100_000), [50, 51, 52]
    answers = dict(decode(prompts, forward, greedy, limits, kept=kept))
    longer = {
        index: ids + answers[index] + more if index % 3 else ids[: -index or None] + more
        for index, ids in prompts.items()
    }
    longer[100] = [9, *more]  # This prompt continues nothing.
    expected = {index: alone(model, ids, tokens=8) for index, ids in longer.items()}
    assert dict(decode(longer, counting, greedy, limits, earlier=kept)) == expected
    assert sum(read) < sum(map(len, longer.values())) / 10
    assert dict(decode(longer, forward, greedy, limits, earlier=KeptSequences(), kept=KeptSequences(200))) == expected


def test_sequences_that_have_no_room_are_not_kept():
    model = tiny("llama")
    prompts = {n: [*range(10, 90), 90 + n, *range(20, 30)] for n in range(6)}
    kept = KeptSequences(room=120)
    tokens = decode(prompts, packed_forward(model), greedy, DecodeLimits(3, frozenset(), sequences=6), kept=kept)
    assert len(dict(tokens)) == 6
    assert kept.tokens == 80 + 3 * 13, "the shared prefix counts once, and the last token of an answer is not known"
    assert sum(kept.beginning(prompt).length == 90 for prompt in prompts.values()) == 3
    assert min(kept.beginning(prompt).length for prompt in prompts.values()) == 80
    assert kept.beginning([*range(10, 60)]) is None


def test_what_repeats_is_guessed_and_only_what_the_model_would_write_is_kept():
    model = tiny("gemma3")
    forward, passes = packed_forward(model), []
    prompts, stops = dict(list(rows().items())[:6]), frozenset({1000})
    expected = {index: alone(model, prompt, stops, 200) for index, prompt in prompts.items()}
    repeats = [tokens for tokens in expected.values() if tokens[-60:-30] == tokens[-30:]]
    assert 0 < len(repeats) < len(expected), "rows that repeat themselves beside rows that do not"

    def counting(ids, positions, packed, ends):
        passes.append(len(ids) if isinstance(packed, Decode) else 0)
        return forward(ids, positions, packed, ends)

    assert dict(decode(prompts, counting, greedy, DecodeLimits(200, stops, sequences=64))) == expected
    assert max(passes) <= 64, "a guess takes a place that no row takes"
    assert sum(map(bool, passes)) < 200, "one pass writes several tokens of a row"
    assert dict(decode({0: prompts[0]}, counting, greedy, DecodeLimits(200, stops, sequences=1))) == {0: expected[0]}


def test_drawing_ends_where_a_guess_fails():
    """A drawn token changes the generator: as many are drawn as are written, in the same order as without guesses."""
    model = tiny("llama")
    forward, prompts, drawn = packed_forward(model), dict(list(rows().items())[:4]), []

    def choose(logits, indices):
        drawn.extend(indices)
        return logits.argmax(-1).tolist()

    found = dict(decode(prompts, forward, choose, DecodeLimits(90, STOPS, sequences=64)))
    assert {index: drawn.count(index) for index in found} == {index: len(tokens) for index, tokens in found.items()}
    assert found == dict(decode(prompts, forward, greedy, DecodeLimits(90, STOPS, sequences=4)))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 12))
def test_a_guess_is_what_followed_the_same_tokens_before(past, most):
    found = draft_tokens(as_text(past), most)
    whole, known = [*past, *found], len(past)
    periods = [n for n in range(1, known) if past[-1] == past[-1 - n]]
    assert len(found) == (most if periods else 0)
    assert not found or any(found == whole[known - n : -n] for n in periods)


def test_when_memory_runs_out_fewer_rows_go_on_from_where_they_were():
    model = tiny("llama")
    forward, prompts, most = packed_forward(model), rows(), []

    def short_of_memory(ids, positions, packed, ends):
        most.append(len(ends))
        if len(ends) > 5 and len(most) > 12:
            raise torch.OutOfMemoryError("out of memory")
        return forward(ids, positions, packed, ends)

    limits = DecodeLimits(TOKENS, STOPS, sequences=16)
    found = dict(decode(prompts, short_of_memory, greedy, limits))
    assert found == dict(decode(prompts, forward, greedy, limits))
    assert any(before > 5 >= after for before, after in pairwise(most))

    def never(*_):
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(EnvironmentFault, match="a single case"):
        next(decode(prompts, never, greedy, limits))
