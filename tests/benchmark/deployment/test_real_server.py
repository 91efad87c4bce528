"""Faults that are planted on a real llama.cpp server are named by their class, and the other classes are silent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.pocket_gguf import write_gguf
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.deployment.check import DeploymentResult, check_deployment
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.engine.runtimes.llama_server import llama_server
from toolmark.benchmark.evaluation.request import Request

pytest.importorskip("xllamacpp", reason="llama.cpp's server is not installed: pip install xllamacpp")
pytest.importorskip("gguf", reason="the package gguf is not installed: pip install gguf")
pytestmark = pytest.mark.slow

TEMPLATE = (Path(__file__).parents[2] / "templates" / "pocket-tagged.jinja").read_text()
TOOLS = [
    {
        "name": "distance",
        "description": "Computes the distance between two places.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "Name of the other place."},
                "unit": {"type": "string", "enum": ["km", "mi"], "description": "Unit of the result."},
            },
            "required": ["place"],
        },
    },
    {
        "name": "weather",
        "description": "Tells the weather of a city on a day.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city."}},
            "required": ["city"],
        },
    },
]
QUESTIONS = (
    "How far is Rome in km?",
    "What is the weather in Oslo?",
    "How far is 12 Main Street?",
    "Thank you, that is all.",
    "What is the weather in Lima, and how far is it in mi?",
)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the cases, the trained model `model`, and its GGUF file."""
    from toolmark.benchmark.engine.adapter_merge import merge

    folder = tmp_path_factory.mktemp("deployed")
    merge(locate(resolve("pocket-lora")), folder / "model")
    rows = [
        {
            "messages": [{"role": "user", "content": question}],
            "toolbox": TOOLS,
            "expect": {"action": "abstain", "reason": "no_tool_fits"},
            "group": str(number),
            "split": "test",
            "source": {"name": "test", "ref": str(number)},
            "licence": "CC0-1.0",
        }
        for number, question in enumerate(QUESTIONS)
    ]
    (folder / "cases.test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_gguf(folder / "model", folder / "model.gguf", template=TEMPLATE)
    return folder


def checked(world: Path, file: Path, template: str = "", model: str = "model", context: int = 2048) -> DeploymentResult:
    request = Request(
        models=(str(world / model),),
        cases=str(world / "cases.test.jsonl"),
        dialect="tagged",
        max_tokens=60,
        runs=world / "runs",
    )
    with llama_server(file, template=template, context=context) as url, connected(url, 120) as runtime:
        return check_deployment(request, runtime, "tools")


def classes(result: DeploymentResult) -> dict[str, set[str]]:
    """The classes of each part but `decoding`, because llama.cpp forces tokens in every chat with tools."""
    return {part.name: set(part.classes) for part in result.parts if part.classes and part.name != "decoding"}


def test_a_clean_export_is_equal_in_every_case(world):
    result = checked(world, world / "model.gguf")
    assert classes(result) == {}
    parts = {part.name: part for part in result.parts}
    for name in ("weights", "prompt", "parser"):
        assert (parts[name].n, parts[name].equal, parts[name].verdict) == (5, 5, "equivalent")
    assert parts["decoding"].n == 5
    assert result.runtime["quantisation"] == "all F32"
    assert result.runtime["model_file"] == "model.gguf"
    fields = {(one.field, one.candidate) for one in result.comparison["weights"].unfair}
    assert ("dtype", "all F32") in fields


def _replaced(old: str, new: str) -> Callable[[str], str]:
    def change(template: str) -> str:
        assert old in template
        return template.replace(old, new)

    return change


COMPACT = "tojson(separators=(',', ':'))"
ENUM = r"""'"enum":["km","mi"],'"""
TEMPLATE_FAULTS = {
    "white_space": _replaced("<start_of_turn>model\\n", " <start_of_turn>model\\n"),
    "braces_doubled": _replaced('{"tool_name": "NAME"', '{{"tool_name": "NAME"'),
    "bos_doubled": _replaced("{{- bos_token -}}", "{{- bos_token + bos_token -}}"),
    "system_injected": _replaced("{{- bos_token -}}", "{{- bos_token + '<start_of_turn>system\\nYou are Bot.\\n' -}}"),
    "tool_order": _replaced("for tool in tools", "for tool in tools | reverse"),
    "schema_parts_missing": _replaced(COMPACT, f"{COMPACT} | replace({ENUM}, '')"),
    "schema_spelling": _replaced(COMPACT, "tojson"),
    "template_text": _replaced("and nothing after it", "and no more text"),
}


@pytest.mark.parametrize("kind", TEMPLATE_FAULTS)
def test_a_fault_of_the_template(world, kind):
    assert classes(checked(world, world / "model.gguf", TEMPLATE_FAULTS[kind](TEMPLATE))) == {"prompt": {kind}}


def test_special_tokens_that_are_stored_as_words(world):
    file = write_gguf(world / "model", world / "words.gguf", template=TEMPLATE, settings={"control": False})
    found = classes(checked(world, file))
    assert found["prompt"] == {"special_as_text"}


def test_a_missing_bos(world):
    settings = {"add_bos_token": False}
    file = write_gguf(world / "model", world / "no-bos.gguf", template=TEMPLATE, settings=settings)
    without = _replaced("{{- bos_token -}}", "")(TEMPLATE)
    assert classes(checked(world, file, without)) == {"prompt": {"bos_missing"}}


def test_a_dropped_stop_token(world):
    """llama.cpp knows `<end_of_turn>` by its name. So the end of a turn has another name here, on both sides."""
    if not (world / "renamed").exists():
        shutil.copytree(world / "model", world / "renamed")
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            file = world / "renamed" / name
            file.write_text(file.read_text().replace("<end_of_turn>", "<turn_ends>"))
    template = TEMPLATE.replace("<end_of_turn>", "<turn_ends>")
    clean = write_gguf(world / "renamed", world / "renamed.gguf", template=template)
    assert classes(checked(world, clean, model="renamed")) == {}
    settings = {"eot_token_id": None}
    broken = write_gguf(world / "renamed", world / "no-stop.gguf", template=template, settings=settings)
    result = checked(world, broken, model="renamed")
    assert classes(result)["weights"] == {"stop_dropped"}
    assert "prompt" not in classes(result)


def test_noise_in_the_weights(world):
    file = write_gguf(world / "model", world / "noise.gguf", template=TEMPLATE, kind="q4_0")
    found = classes(checked(world, file))
    assert found == {"weights": {"other_tokens"}}


def test_a_conversation_that_does_not_fit_is_refused(world):
    result = checked(world, world / "model.gguf", context=256)
    parts = {part.name: part for part in result.parts}
    assert parts["weights"].classes["refused"] == 5
    assert parts["deployed"].equal == 0
