"""A base is loaded whole and as it is described, or not at all: nothing is filled in at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.model_folders import changed_model
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.base_model import load_base
from toolmark.benchmark.engine.tokenizer import open_tokenizer, token_ids

INDEX = "model.safetensors.index.json"
DOWN = "model.layers.1.mlp.down_proj.weight"


def without(part: str):
    return lambda weights: {name: tensor for name, tensor in weights.items() if part not in name}


def added(*names: str):
    return lambda weights: {**weights, **{name: torch.zeros(2) for name in names}}


def quantised(method: str) -> dict[str, Any]:
    return {"config": {"quantization_config": {"quant_method": method, "bits": 4, "load_in_4bit": True}}}


def indexed(weight_map: object, **more: object) -> dict[str, Any]:
    index = json.dumps({"metadata": {}, "weight_map": weight_map} | more)
    return {"files": {"model.safetensors": None, "a.safetensors": b"", INDEX: index}}


WRONG = {
    "a weight is missing": ({"weights": without(DOWN)}, rf"missing in the files \(1\): {DOWN}"),
    "tied weights are missing": (
        {"weights": without("embed")},
        r"missing in the files \(2\): lm_head.weight, ",
    ),
    "the head is not tied": ({"config": {"tie_word_embeddings": False}}, r"missing in the files \(1\): lm_head.weight"),
    "fewer layers": (
        {"config": {"num_hidden_layers": 4, "layer_types": ["full_attention"] * 4}},
        r"not part of the architecture \(13\): model.layers.4",
    ),
    "another shape": ({"config": {"intermediate_size": 700}}, r"of another shape \(15\): .*\(192×768 instead"),
    "another family": ({"config": {"model_type": "llama"}}, r"not part of the architecture \(20\): .*layernorm"),
    "a part of an image model": ({"weights": added("model.vision_tower.norm.weight")}, "vision_tower.norm.weight"),
    "an image model with more layers": (
        {"config": {"vision_config": {}}, "weights": added("model.layers.9.norm.weight", "model.norm.bias")},
        r"not part of the architecture \(2\): model.layers.9.norm.weight, model.norm.bias\.",
    ),
    "codes without a quantisation": (
        {"weights": lambda weights: {name: tensor.to(torch.int8) for name, tensor in weights.items()}},
        "of the type I8, for example model.embed_tokens.weight",
    ),
    "many layers": ({"config": {"num_hidden_layers": 10**9}}, "num_hidden_layers is 1,000,000,000"),
    "many labels": ({"config": {"num_labels": 10**9}}, "num_labels is 1,000,000,000"),
    "a huge vocabulary": ({"config": {"vocab_size": 10**10}}, "describes 1,920,002,708,161 parameters"),
    "a huge head": ({"config": {"head_dim": 10**9}}, "describes 7,692,002,609,089 parameters"),
    "a number of 30 digits": (
        {"config": {"hidden_size": 10**30}},
        "hidden_size is an integer with more than 18 digits",
    ),
    "no size": ({"config": {"hidden_size": None}}, "expected int, got NoneType"),
    "no heads": ({"config": {"num_attention_heads": 0}}, "ZeroDivisionError"),
    "an unknown type": ({"config": {"dtype": "garbage"}}, "no attribute 'garbage'"),
    "code of the hub": (
        {"config": {"text_config": {"_attn_implementation": "kernels-community/any"}}},
        "would load from the hub as code",
    ),
    "an empty config": ({"files": {"config.json": ""}}, "config.json is not JSON"),
    "a deep config": ({"files": {"config.json": "[" * 100_000}}, "config.json is not JSON"),
    "a list": ({"files": {"config.json": "[]"}}, "contains a list instead of a JSON object"),
    "stops of garbage": ({"files": {"generation_config.json": "{garbage"}}, "generation_config.json is not JSON"),
    "a stop that is a word": ({"files": {"generation_config.json": '{"eos_token_id": ["x"]}'}}, "not the id of a tok"),
    "weights that are cut": ({"files": {"model.safetensors": b"\x00" * 7}}, "cannot be read"),
    "an index to another folder": (indexed({"a": "../a.safetensors"}), "lists '../a.safetensors', which is not a"),
    "an index to nothing": (indexed({"a": "b.safetensors"}), r"are missing \(1\), for example b.safe"),
    "an index to a long name": (indexed({"a": "b" * 100_000}), r"are missing \(1\), for example b{80}\."),
    "an index of another form": (indexed(["a.safetensors"]), "has no weight_map"),
    "an index without metadata": (indexed({"a": "a.safetensors"}, metadata=None), "has no metadata"),
    "pickles": ({"files": {"model.safetensors": None, "pytorch_model.bin": b""}}, "does not read pickle files"),
    "an adapter inside": ({"files": {"adapter_config.json": "{}"}}, "the files of an adapter beside those of a model"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_match_is_named(pocket: Path, tmp_path: Path, wrong: str) -> None:
    changes, said = WRONG[wrong]
    with pytest.raises(InputError, match=said):
        load_base(changed_model(pocket, tmp_path / "model", **changes), torch.float32)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": {"attn_implementation": "flash_attention_2"}}, "the package flash_attn is not installed"),
        *(
            (quantised(method), f"quantised with {method}.* not installed")
            for method in ("bitsandbytes", "gptq", "awq")
        ),
    ],
)
def test_a_missing_package_is_named(pocket: Path, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(EnvironmentFault, match=said):
        load_base(changed_model(pocket, tmp_path / "model", **changes), torch.float32)


def test_what_is_whole_is_loaded_without_a_word(pocket: Path, tmp_path: Path, capfd) -> None:
    """Weights in several files, and a model for images whose other parts are not needed for text."""
    shown = {"config": {"vision_config": {}}, "weights": added("model.vision_tower.w", "multi_modal_projector.w")}
    images = changed_model(pocket, tmp_path / "images", **shown)
    sharded = changed_model(pocket, tmp_path / "sharded", files={"model.safetensors": None})
    base = load_base(pocket, torch.float32)
    base.save_pretrained(tmp_path / "saved", max_shard_size="3MB")
    for file in (tmp_path / "saved").glob("model*"):
        file.rename(sharded / file.name)
    assert len(list(sharded.glob("*.safetensors"))) > 1
    for folder in (images, sharded):
        loaded = load_base(folder, torch.float32)
        assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in base.state_dict().items())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"tokenizer.json": None, "tokenizer_config.json": None}, "loses the text of a prompt"),
        ({"tokenizer.json": "{}"}, "cannot be loaded"),
        ({"tokenizer_config.json": "[]"}, "a list instead of a JSON object"),
        (
            {
                "chat_template.jinja": None,
                "tokenizer_config.json": '{"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": 5}',
            },
            "chat template .* is not a text",
        ),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_named(
    pocket: Path, tmp_path: Path, files: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        open_tokenizer(changed_model(pocket, tmp_path / "model", files=files))


def test_an_expression_of_a_tokenizer_that_does_not_end_is_named(pocket: Path, tmp_path: Path, capfd) -> None:
    tokenizer = json.loads((pocket / "tokenizer.json").read_text())
    expression = {"type": "Split", "pattern": {"Regex": "(?:[a-z ]|[a-z ][a-z ])+[!?]"}, "behavior": "Isolated"}
    tokenizer["pre_tokenizer"] = {**expression, "invert": False}
    folder = changed_model(pocket, tmp_path / "model", files={"tokenizer.json": json.dumps(tokenizer)})
    opened = open_tokenizer(folder)
    with pytest.raises(InputError, match=r"cannot encode 'word word .*: .*retry-limit"):
        token_ids(opened, "word " * 20)
    capfd.readouterr()  # the library prints that it crashed
