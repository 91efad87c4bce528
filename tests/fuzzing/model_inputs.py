"""Damaged model folders: one file of a copy of the shipped model is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from tests.fuzzing.input_kinds import InputKind
from tests.fuzzing.mutations import Format, damaged
from tests.fuzzing.samples import CASE_LINES

__all__ = ["MODEL_INPUTS"]

_POCKET = Path(__file__).parents[2] / "benchmark" / "engine" / "pocket"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"

_TEMPLATE_PARTS = (
    *(
        "{{ 1 / 0 }}",
        "{{ 'x' * 10 ** 10 }}",
        "{{ 10 ** (10 ** 9) }}",
        "{{ messages * 10 ** 9 }}",
        "{% if %}",
        "{{ m() }}",
    ),
    *("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "{{ '%99999999999d' % 1 }}"),
    *(
        "{{ raise_exception(messages) }}",
        "{% include 'a' %}",
        "{{ lipsum(10 ** 9) }}",
        "{{ self.__init__.__globals__ }}",
    ),
    *("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ 'x' | center(10 ** 11) }}", "{{ cycler.__init__ }}"),
)

Files = dict[str, bytes]


def _with(name: str, form: Format) -> Callable[[Files, Random], None]:
    def damage(files: Files, random: Random) -> None:
        files[name] = damaged(files[name], random, form)

    return damage


def _header(files: Files, random: Random) -> None:
    content = files[_WEIGHTS]
    size = 8 + int.from_bytes(content[:8], "little")
    header = damaged(content[8:size], random, "json")
    files[_WEIGHTS] = len(header).to_bytes(8, "little") + header + content[size:]


def _numbers(files: Files, random: Random) -> None:
    content = bytearray(files[_WEIGHTS])
    start = random.randrange(8 + int.from_bytes(content[:8], "little"), len(content) - 2000)
    content[start : start + 2000] = bytes(random.choice((b"\xff", b"\x80\x7f", b"\x00"))) * 1000
    files[_WEIGHTS] = bytes(content)


def _index(files: Files, random: Random) -> None:
    names = json.loads(files[_WEIGHTS][8 : 8 + int.from_bytes(files[_WEIGHTS][:8], "little")])
    files["a.safetensors"] = files.pop(_WEIGHTS)
    index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, "a.safetensors")}
    files[_INDEX] = damaged(json.dumps(index).encode(), random, "json")


def _template(files: Files, random: Random) -> None:
    text = files["chat_template.jinja"].decode()
    at = random.randrange(len(text))
    part = random.choice(_TEMPLATE_PARTS)
    files["chat_template.jinja"] = (random.choice((part + text, text[:at] + part + text[at:]))).encode()


def _absent(files: Files, random: Random) -> None:
    del files[random.choice(list(files))]


_DAMAGES: Mapping[Callable[[Files, Random], None], int] = {
    _with("config.json", "json"): 6,
    _with("generation_config.json", "json"): 2,
    _with("tokenizer.json", "json"): 3,
    _with("tokenizer_config.json", "json"): 3,
    _with("chat_template.jinja", "bytes"): 1,
    _template: 1,
    _with("toolmark.json", "json"): 1,
    _with(_WEIGHTS, "bytes"): 1,
    _header: 2,
    _numbers: 1,
    _index: 2,
    _absent: 1,
}
"""The ways to damage a folder, with their weights."""


def _model(random: Random, folder: Path) -> list[str]:
    files = {file.name: file.read_bytes() for file in _POCKET.iterdir() if file.name != "README.md"}
    (damage,) = random.choices(list(_DAMAGES), list(_DAMAGES.values()))
    damage(files, random)
    (folder / "m").mkdir()
    for name, content in files.items():
        (folder / "m" / name).write_bytes(content)
    (folder / "c.test.jsonl").write_bytes(CASE_LINES.partition(b"\n")[0] + b"\n")
    dialect = random.choice(("tagged", "tagged", "native"))
    return ["eval", "--model", "m", "--cases", "c.test.jsonl", "--max-tokens", "3", "--dialect", dialect, "-q"]


MODEL_INPUTS = (InputKind("model folders", _model),)
