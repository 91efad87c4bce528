"""The grammar of candidate specs, and its tables."""

from __future__ import annotations

import json
import re

import pytest

from toolmark.benchmark.candidates import spec
from toolmark.benchmark.candidates.spec import resolve, with_adapter
from toolmark.benchmark.core.errors import InputError


@pytest.fixture
def adapter(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "gemma-3-1b-it"}))
    (folder / "adapter_model.safetensors").touch()
    return folder


@pytest.mark.parametrize(
    ("text", "kind", "base", "revision", "adapter"),
    [
        ("pocket", "local", None, None, None),
        ("gemma-3-1b-it", "hub", "google/gemma-3-1b-it", None, None),
        ("google/gemma-3-1b-it", "hub", "google/gemma-3-1b-it", None, None),
        ("hub/Qwen/Qwen3-0.6B", "hub", "Qwen/Qwen3-0.6B", None, None),
        ("Some/Model-1B", "hub", "Some/Model-1B", None, None),
        ("Some/Model@v2", "hub", "Some/Model", "v2", None),
        ("hub/Some/Model@v2:Org/Lora@main", "hub", "Some/Model", "v2", "Org/Lora"),
        ("openai/gpt-4.1", "inspect", "openai/gpt-4.1", None, None),
        ("openai-api/local/some:model@x", "inspect", "openai-api/local/some:model@x", None, None),
        ("ollama/gemma3:1b", "inspect", "ollama/gemma3:1b", None, None),
        ("openai/gpt-oss-20b", "hub", "openai/gpt-oss-20b", None, None),
        ("policy/never", "policy", "never", None, None),
    ],
)
def test_grammar(text, kind, base, revision, adapter):
    found = resolve(text)
    assert (found.kind, found.revision, found.adapter) == (kind, revision, adapter)
    assert base in (None, found.base)


@pytest.mark.parametrize(
    ("text", "base", "revision", "file", "adapter"),
    [
        ("hub/Some/Model-GGUF:model.Q4_0.gguf", "Some/Model-GGUF", None, "model.Q4_0.gguf", None),
        ("Some/Model@v2:sub/model.gguf:Org/Lora@main", "Some/Model", "v2", "sub/model.gguf", "Org/Lora"),
    ],
)
def test_a_gguf_file_on_the_hub(text, base, revision, file, adapter):
    found = resolve(text)
    assert (found.kind, found.base, found.revision, found.file, found.adapter) == ("hub", base, revision, file, adapter)
    assert found.name.startswith("model")


@pytest.mark.parametrize(
    "text", ["pocket@v2", "{adapter}@step200", "pocket:{adapter}@step200", "pocket:pocket-lora@v2"]
)
def test_only_the_hub_has_revisions(text, adapter):
    with pytest.raises(InputError, match=r"is not on the hub, so it has no revision '(v2|step200)'.*leave out @"):
        resolve(text.format(adapter=adapter))


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("{adapter}", "is not the name or the path of a model"),
        ("{recipe}", "is not the name or the path of a model"),
        ("pocket:{recipe}", "is not the name or the path of a model"),
        ("s3://bucket/model", "is not the name or the path of a model"),
        ("/home/somebody/models/gemma", "there is no file or directory at '/home/somebody/models/gemma'"),
        ("policy/never", "cannot have an adapter"),
    ],
)
def test_a_base_that_is_no_model_is_named_with_the_file_that_names_it(base, said, adapter, tmp_path):
    recipe = tmp_path / "mine.toml"
    named = base.format(adapter=adapter, recipe=recipe)
    steps = '[generator]\nname = "template"\n[trainer]\nname = "lora"\n'
    recipe.write_text(f'base = {json.dumps(named)}\ndialect = "tagged"\nseed = 1\n{steps}')
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": named}))
    for file, spec_of_file in ((adapter / "adapter_config.json", adapter), (recipe, recipe)):
        with pytest.raises(InputError) as raised:
            resolve(str(spec_of_file))
        assert said in raised.value.what
        if file.name == "adapter_config.json":
            assert f"{file} names the base" in raised.value.what
            assert raised.value.fix == f"Give the base: --model BASE --adapter {adapter}"


def test_a_gguf_file(tmp_path, adapter):
    file = tmp_path / "tiny.Q4_0.gguf"
    file.touch()
    assert (resolve(str(file)).base, resolve(str(file)).name) == (str(file), "tiny.Q4_0")
    assert resolve(f"{file}:{adapter}").adapter == str(adapter)
    for text, said in [
        (str(tmp_path), f"Give the GGUF file inside: --model {file}"),
        (str(tmp_path / "missing.gguf"), "there is no file or directory"),
        ("Some/Model:../model.gguf", "is not the name of a GGUF file"),
        ("Some/Model:*.gguf", "is not the name of a GGUF file"),
        ("Some/Model:model-00001-of-00002.gguf", "llama-gguf-split --merge"),
    ]:
        with pytest.raises(InputError, match=re.escape(said)):
            resolve(text)


def test_weights_that_share_a_name_with_a_provider_print_both_spellings():
    assert "hub/google/gemma-3-1b-it" in resolve("google/gemma-3-1b-it").note
    assert "openrouter/google/gemma-3-1b-it" in resolve("google/gemma-3-1b-it").note


def test_an_adapter_directory_names_its_base(adapter):
    found = resolve(str(adapter))
    assert (found.base, found.adapter, found.name) == ("google/gemma-3-1b-it", str(adapter), "gemma-3-1b-it+mine")
    assert resolve(f"pocket:{adapter}").adapter == str(adapter)


@pytest.mark.parametrize(("text", "prefix"), [("C:\\models\\x", "C:\\models\\x"), ("D:/a:b/c", "D:/a"), ("x:y", "x")])
def test_a_drive_letter_is_no_base(text, prefix):
    assert spec._split_colon(text)[0] == prefix


def test_wrong_specs_say_why(adapter, tmp_path):
    (adapter / "adapter_model.safetensors").unlink()
    (adapter / "adapter_model.bin").touch()
    for text, said in [
        ("gema-3-1b-it", "gemma-3-1b-it"),
        ("./missing", "no file or directory"),
        (str(tmp_path), "without config.json"),
        (f"pocket:{adapter}", "does not read pickle files"),
        ("openai/gpt-4.1:x", ""),
        ("replay/missing.jsonl", "no recorded run"),
        ("baselines/main.jsonl.gz", "no file or directory at 'baselines/main.jsonl.gz'"),
        ("policy/nevr", "no policy has the name 'nevr'. Did you mean never"),
        ("policy/never:Org/Lora", "no policy has the name"),
    ]:
        if not said:
            assert resolve(text).kind == "inspect"
            continue
        with pytest.raises(InputError, match=said):
            resolve(text)
    with pytest.raises(InputError, match=r"no adapter at './missing'"):
        with_adapter(resolve("pocket"), "./missing")
    with pytest.raises(InputError, match="cannot have an adapter"):
        with_adapter(resolve("openai/gpt-4.1"), "Org/Lora")


def test_the_providers_are_inspects():
    from inspect_ai._util import registry
    from inspect_ai.model._providers import providers  # noqa: F401 - registers them

    theirs = {key.rpartition("/")[2] for key in registry._registry if key.startswith("modelapi:inspect_ai/")}
    assert set(spec.table()["inspect"]["providers"]) == theirs - {"hf", "none"}
