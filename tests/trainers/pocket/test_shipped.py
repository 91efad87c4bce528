"""The embedded model as it ships: it is the recorded one, small, and long enough for the whole catalog."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolmark.benchmark.engine
from toolmark.benchmark.core.hashing import file_hash
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.encoding import encode, stop_ids
from toolmark.benchmark.tools.catalog import catalog

POCKET = Path(toolmark.benchmark.engine.__file__).parent / "pocket"
PINNED = "9948d98c4ceaaec2e8665a61003da4366703fcb69c93bb5dd6fb4acf9121ac3d"


@pytest.fixture(scope="module")
def tokenizer():
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(POCKET)


def test_the_weights_are_the_recorded_ones():
    assert file_hash(POCKET / "model.safetensors") == WrittenRecord.read(POCKET).weights_sha256 == PINNED


def test_it_is_small_and_holds_no_pickle():
    files = [path for path in POCKET.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8_000_000
    assert {path.suffix for path in files} <= {".json", ".jinja", ".jsonl", ".md", ".safetensors"}


def test_the_whole_catalog_and_an_answer_fit(tokenizer):
    config = json.loads((POCKET / "config.json").read_text())
    tools = catalog().tools
    prompt = Tagged().render([Message(role="user", content="What is 3 plus 4? " * 20)], tools)

    assert len(encode(prompt, tokenizer).ids) + 512 <= config["max_position_embeddings"] == 8192


def test_both_ways_to_end_stop_it(tokenizer):
    generation = json.loads((POCKET / "generation_config.json").read_text())
    both = tokenizer.convert_tokens_to_ids(["<eos>", "<end_of_turn>"])
    assert sorted(generation["eos_token_id"]) == sorted(both) == list(stop_ids(tokenizer, generation["eos_token_id"]))


@given(text=st.text())
def test_every_string_survives(tokenizer, text):
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
