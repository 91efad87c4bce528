"""Damaged adapters: one file of an adapter of the shipped model is damaged, or its settings do harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzzing.input_kinds import InputKind
from tests.fuzzing.mutations import Format, damaged
from tests.fuzzing.samples import CASE_LINES

__all__ = ["ADAPTER_INPUTS", "write_adapter"]

_ADAPTER = Path(__file__).parents[2] / "benchmark" / "engine" / "pocket-lora"
_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_BASE = "base_model.model.model"

_KINDS: tuple[dict[str, Any], ...] = (
    {"peft_type": "LOHA", "r": 4, "alpha": 4, "rank_dropout": 0.0, "use_effective_conv2d": False, "rank_pattern": {}},
    {"peft_type": "LOKR", "r": 4, "alpha": 4, "decompose_both": False, "decompose_factor": -1, "alpha_pattern": {}},
    {"peft_type": "IA3", "feedforward_modules": ["down_proj"], "target_modules": ["k_proj", "down_proj"]},
    {"peft_type": "OFT", "r": 0, "oft_block_size": 32, "coft": False, "eps": 6e-5, "block_share": False},
    {"peft_type": "HRA", "r": 8, "apply_GS": False, "init_weights": True, "bias": "none"},
    {"peft_type": "C3A", "block_size": 64, "block_size_pattern": {"q_proj": 32}, "init_weights": "xavier_uniform"},
    {"peft_type": "FOURIERFT", "n_frequency": 9, "scaling": 150.0, "n_frequency_pattern": {}, "random_loc_seed": 777},
    {"peft_type": "MISS", "r": 8, "mini_r": 1, "init_weights": True},
    {"peft_type": "ROAD", "variant": "road_1", "group_size": 64},
    {"peft_type": "HIRA", "r": 8, "rank_pattern": {}},
    {"peft_type": "GRALORA", "r": 8, "hybrid_r": 0, "alpha": 8, "gralora_k": 2},
    {"peft_type": "LN_TUNING", "target_modules": ["input_layernorm"]},
    {"peft_type": "TRAINABLE_TOKENS", "token_indices": [1, 2], "target_modules": None},
    {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 4, "encoder_hidden_size": 8},
    {"peft_type": "XLORA", "adapters": {"0": "org/name"}, "hidden_size": 192},
)
_SETTINGS: tuple[dict[str, Any], ...] = (
    *({"init_lora_weights": value} for value in ("pissa", "olora", "pissa_niter_9", "loftq", "corda", "eva", "x")),
    *({"target_modules": value} for value in ("(.*.*)*x", r"((\w|.)+)+\d\d", "all-linear", "(?R)", ".*", "a{9}{9}{9}")),
    *({"exclude_modules": value} for value in (r"((\w|.)+)+\d\d", ".*", ["q_proj"])),
    *({"rank_pattern": value} for value in ({r"((\w|.)+)+\d\d": 4}, {"q_proj": 10**9}, {"(q|k)_proj": -1})),
    *({"modules_to_save": value} for value in (["lm_head"], ["embed_tokens"], ["(.*)*"], ["layers"], ["model"])),
    *({"layers_to_transform": 1, "layers_pattern": value} for value in (r"((\w|.)+)+\d\d", "layers", "(?P<idx>a)")),
    *({"r": value} for value in (10**9, 10**18, 3, -1, 0)),
    *({"trainable_token_indices": value} for value in ([1], [-1], {"lm_head": [5]}, list(range(3000)))),
    *({name: True} for name in ("use_dora", "use_rslora", "lora_bias", "use_qalora", "fan_in_fan_out", "bias")),
    *({name: {"a": 1}} for name in ("loftq_config", "eva_config", "corda_config", "megatron_config", "arrow_config")),
    *({name: ["a.b"]} for name in ("target_parameters", "layer_replication", "alora_invocation_tokens")),
    {"megatron_config": {"a": 1}, "megatron_core": "antigravity"},
    {"auto_mapping": {"parent_library": "antigravity", "base_model_class": "x"}},
    {"base_model_name_or_path": "../../.."},
    {"revision": "main", "task_type": "SEQ_CLS"},
)

Files = dict[str, bytes]


def _with(name: str, form: Format) -> Callable[[Files, Random], None]:
    def damage(files: Files, random: Random) -> None:
        files[name] = damaged(files[name], random, form)

    return damage


def _settings(choices: tuple[dict[str, Any], ...], files: Files, random: Random) -> None:
    own = json.loads(files[_CONFIG])
    for chosen in random.sample(choices, random.choice((1, 1, 2))):
        own |= chosen
    files[_CONFIG] = json.dumps(own).encode()
    if random.random() < 0.5:
        _with(_CONFIG, "json")(files, random)


def _header(files: Files, random: Random) -> None:
    header, content = _parts(files)
    damaged_header = damaged(json.dumps(header).encode(), random, "json")
    files[_WEIGHTS] = len(damaged_header).to_bytes(8, "little") + damaged_header + content


def _names(files: Files, random: Random) -> None:
    """Give one tensor another name."""
    header, content = _parts(files)
    name = random.choice([name for name in header if name != "__metadata__"])
    other = random.choice(
        (f"{_BASE}.embed_tokens.weight", f"{_BASE}.norm.weight", name + "x", name.replace("lora_A", "lora_B"), "", "a")
    )
    renamed = json.dumps({other if key == name else key: value for key, value in header.items()}).encode()
    files[_WEIGHTS] = len(renamed).to_bytes(8, "little") + renamed + content


def _numbers(files: Files, random: Random) -> None:
    content = files[_WEIGHTS]
    start = random.randrange(len(content) // 2, len(content) - 400)
    files[_WEIGHTS] = (
        content[:start] + random.choice((b"\xff\xff", b"\x80\x7f", b"\x00\x00")) * 200 + content[start + 400 :]
    )


def _parts(files: Files) -> tuple[dict[str, Any], bytes]:
    content = files[_WEIGHTS]
    size = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:size]), content[size:]


def _absent(files: Files, random: Random) -> None:
    del files[random.choice(list(files))]


_DAMAGES: Mapping[Callable[[Files, Random], None], int] = {
    _with(_CONFIG, "json"): 6,
    partial(_settings, _SETTINGS): 5,
    partial(_settings, _KINDS): 3,
    _with("toolmark.json", "json"): 1,
    _with(_WEIGHTS, "bytes"): 1,
    _header: 3,
    _names: 2,
    _numbers: 1,
    _absent: 1,
}
"""The ways to damage an adapter, with their weights."""


def write_adapter(random: Random, folder: Path) -> None:
    """Write a damaged adapter to `folder`."""
    files = {file.name: file.read_bytes() for file in _ADAPTER.iterdir() if file.name != "README.md"}
    (damage,) = random.choices(list(_DAMAGES), list(_DAMAGES.values()))
    damage(files, random)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _adapter(random: Random, folder: Path) -> list[str]:
    write_adapter(random, folder / "a")
    if random.random() < 0.5:
        return ["models", "merge", random.choice(("pocket:a", "a")), "--out", "m"]
    (folder / "c.test.jsonl").write_bytes(CASE_LINES.partition(b"\n")[0] + b"\n")
    judged = ["--cases", "c.test.jsonl", "--max-tokens", "3", "--dialect", "tagged", "-q"]
    return ["eval", "--model", "pocket", "--adapter", "a", *judged]


ADAPTER_INPUTS = (InputKind("adapters", _adapter),)
