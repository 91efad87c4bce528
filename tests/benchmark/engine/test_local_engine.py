"""Local generation: batches change nothing, stop tokens are real, and an adapter is the one that was trained."""

from __future__ import annotations

import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import hash_files
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine import PromptTooLong
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.local_engine import LocalEngine

QUESTIONS = [
    "Hi!",
    "Repeat: a-17 b.",
    "What is the capital of France, and why do you think so?",
    "Name a colour. " * 12,
]
PROMPTS = [Tagged().render([Message(role="user", content=text)], []) for text in QUESTIONS]
TOKENS = 24


def engine(weights: Weights, max_tokens: int = TOKENS) -> LocalEngine:
    opened = LocalEngine(weights.base, Decoding(max_tokens=max_tokens), device="cpu", dtype="float32", threads=1)
    opened.set_adapter(weights.adapter)
    return opened


def answers(weights: Weights) -> list[str]:
    running = engine(weights)
    running.prepare(PROMPTS, Tagged())
    found = dict(running.answer(range(len(PROMPTS))))
    return [found[index].text for index in range(len(PROMPTS))]


def one_by_one(model, tokenizer) -> list[str]:
    """transformers' own greedy loop, a prompt at a time, stopping at either end."""
    texts = []
    stops = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end_of_turn>")]
    for prompt in PROMPTS:
        ids = torch.tensor([encode(prompt, tokenizer).ids])
        output = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False, eos_token_id=stops
        )
        written = output[0, ids.shape[1] :].tolist()
        texts.append(tokenizer.decode([token for token in written if token not in stops]))
    return texts


@pytest.fixture(scope="module")
def base(request):
    folder = request.getfixturevalue("pocket")
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def random_adapter(pocket, out, seed):
    """A LoRA that changes every answer, as peft saves it."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(pocket, dtype=torch.float32)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(out)
    return out


@pytest.fixture
def adapter(pocket, tmp_path):
    return random_adapter(pocket, tmp_path / "lora", seed=0)


def test_a_batch_gives_what_each_prompt_gives_alone(pocket, base):
    assert answers(Weights(pocket)) == one_by_one(base, AutoTokenizer.from_pretrained(pocket))


def test_stops_and_lengths_are_told(pocket):
    running = engine(Weights(pocket), max_tokens=1)
    running.prepare(PROMPTS, Tagged())
    completions = [completion for _, completion in running.answer([0, 1])]
    assert [(completion.stop_reason, completion.usage.output_tokens) for completion in completions] == [
        ("length", 1)
    ] * 2


def test_a_dialect_s_stops_end_a_completion_and_stay_out_of_it(pocket):
    running = engine(Weights(pocket))
    running.prepare(PROMPTS, Tagged())
    ((_, whole),) = running.answer([2])
    ending = Tagged()
    ending.stops = (whole.text[8:12], "<start_of_turn>")  # text, and a special token
    running.prepare(PROMPTS, ending)
    ((_, ended),) = running.answer([2])
    assert ended.text == whole.text[: whole.text.index(whole.text[8:12])]
    assert ended.stop_reason == "stop"


def test_a_prompt_that_leaves_no_room_is_named_before_generation(pocket):
    running = engine(Weights(pocket), max_tokens=8_180)
    with pytest.raises(PromptTooLong) as error:
        running.prepare(PROMPTS, Tagged())
    assert 3 in error.value.lengths
    assert error.value.room == 12


@pytest.mark.filterwarnings("ignore:base identity not proven")
def test_an_adapter_answers_as_its_merged_weights_do(pocket, adapter):
    from peft import PeftModel

    plain = AutoModelForCausalLM.from_pretrained(pocket, dtype=torch.float32)
    merged = PeftModel.from_pretrained(plain, adapter).merge_and_unload().eval()
    found = answers(Weights(pocket, adapter))
    assert found == one_by_one(merged, AutoTokenizer.from_pretrained(pocket))
    assert found != answers(Weights(pocket))


@pytest.mark.filterwarnings("ignore:base identity not proven")
def test_adapters_are_changed_on_one_base_and_leave_no_trace(pocket, adapter, tmp_path):
    other = random_adapter(pocket, tmp_path / "other", seed=1)
    apart = {worn: answers(Weights(pocket, worn)) for worn in (None, adapter, other)}
    assert len({tuple(texts) for texts in apart.values()}) == 3
    running = engine(Weights(pocket))
    running.prepare(PROMPTS, Tagged())
    for worn in (adapter, other, None):
        running.set_adapter(worn)
        found = dict(running.answer(range(len(PROMPTS))))
        assert [found[index].text for index in range(len(PROMPTS))] == apart[worn]


@pytest.mark.filterwarnings("ignore:base identity not proven")
def test_what_one_adapter_has_read_is_never_another_s(pocket, adapter):
    """Every prompt shares its first tokens with the others, and the first answers are given up half-way."""
    running = engine(Weights(pocket))
    shared = [Tagged().render([Message(role="user", content=QUESTIONS[3] + text)], []) for text in QUESTIONS]
    for worn in (None, adapter):
        running.set_adapter(worn)
        running.prepare(shared, Tagged())
        next(running.answer(range(len(shared))))
        running.set_adapter(adapter if worn is None else None)
        fresh = engine(Weights(pocket, adapter if worn is None else None))
        fresh.prepare(shared, Tagged())
        assert dict(running.answer(range(len(shared)))) == dict(fresh.answer(range(len(shared))))


@pytest.mark.filterwarnings("ignore:base identity not proven")
def test_an_adapter_of_another_base_is_refused(pocket, adapter):
    record = adapter / "toolmark.json"
    record.write_text(json.dumps({"base": {"id": "other/base", "weights": "0" * 16}, "dialects": ["tagged"]}))
    with pytest.raises(InputError, match="other/base"):
        engine(Weights(pocket, adapter)).environment()
    here = hash_files(pocket.glob("*.safetensors"))
    record.write_text(json.dumps({"base": {"id": "pocket", "weights": here}, "dialects": ["tagged"]}))
    engine(Weights(pocket, adapter)).environment()


@pytest.mark.filterwarnings("ignore:base identity not proven")
@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_an_adapter_with_other_keys_is_refused(pocket, adapter, change):
    from safetensors.torch import load_file, save_file

    path = adapter / "adapter_model.safetensors"
    tensors = load_file(path)
    first = next(key for key in tensors if "lora_A" in key)
    tensor = tensors.pop(first)
    if change == "unexpected":
        tensors |= {first: tensor, first.replace("layers.0", "layers.99"): tensor.clone()}
    save_file(tensors, path)
    with pytest.raises(InputError, match=f"1 weights are {change}"):
        engine(Weights(pocket, adapter)).environment()


@pytest.mark.filterwarnings("ignore:base identity not proven")
@pytest.mark.parametrize(("key", "value"), [("peft_type", "UNKNOWN"), ("r", 3), ("target_modules", ["absent"])])
def test_an_adapter_that_does_not_load_is_the_user_s_error(pocket, adapter, key, value):
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(InputError, match=f"{adapter} cannot be loaded on {pocket}"):
        engine(Weights(pocket, adapter)).environment()
