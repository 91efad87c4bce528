"""Somebody's repository, and the action in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.forked.commands import Commands
from tests.forked.on_path import on_path
from tests.github.runner import Runner, bash_environment, read_yaml

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = read_yaml((ROOT / "action.yml").read_text())
N = 12
"""How many cases the repository has."""

PYTHON = """\
#!/bin/sh
case "$*" in
  *"-m pip install"*) echo "$*" >> {log} ;;
  *) exec {python} "$@" ;;
esac
"""

Act = Callable[..., tuple[int, Runner]]


@pytest.fixture(scope="session")
def path(warm: Commands, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the commands `toolmark` and `python`. Instead of installing, pip writes its words to `pip.log`."""
    folder = tmp_path_factory.mktemp("path")
    (folder / "python").write_text(PYTHON.format(log=folder / "pip.log", python=sys.executable))
    (folder / "python").chmod(0o755)
    with on_path(warm, folder):
        yield folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with cases that all expect a call."""
    tools = [
        {"name": name, "description": f"{name.title()} two numbers.", "parameters": {"type": "object"}}
        for name in ("add", "divide")
    ]
    rows = [
        {
            "messages": [{"role": "user", "content": f"Add {number} and 2."}],
            "toolbox": tools,
            "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]},
            "source": {"name": "mine", "ref": str(number)},
            "licence": "CC0-1.0",
        }
        for number in range(N)
    ]
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def adapter(pocket: Path, repository: Path) -> Path:
    """An adapter of `pocket` in the repository. It adds zero to the weights, and is written without torch."""
    folder = repository / "adapters" / "mine"
    folder.mkdir(parents=True)
    tensors: dict[str, np.ndarray] = {}
    with safe_open(pocket / "model.safetensors", "np") as base:
        for key in base.keys():  # noqa: SIM118 - it is no dict
            if key.endswith("q_proj.weight"):
                out, into = base.get_slice(key).get_shape()
                name = f"base_model.model.{key.removesuffix('.weight')}"
                tensors[f"{name}.lora_A.weight"] = np.ones((2, into), np.float32)
                tensors[f"{name}.lora_B.weight"] = np.zeros((out, 2), np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "pocket"}))
    return folder


@pytest.fixture
def act(repository: Path, path: Path, tmp_path: Path) -> Act:
    """`act(model=…, found=…)` runs the action in the repository, and returns its exit code and the runner.

    The other inputs have their defaults. `found` are the outputs of steps that use an action, by the id of the step.
    """

    def run(found: Mapping[str, Mapping[str, str]] | None = None, **inputs: str) -> tuple[int, Runner]:
        runner_folder = tmp_path / f"runner{len(list(tmp_path.glob('runner*')))}"
        runner_folder.mkdir()
        environment = bash_environment(path) | {"GITHUB_ACTION_PATH": str(ROOT), "HF_HOME": str(runner_folder)}
        defaults = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        contexts = {
            # Every answer of the model is a failure, so selection is below the floor of chance.
            "inputs": defaults | {"cases": "cases.jsonl", "args": "--floor selection.tool=0"} | inputs,
            "runner": {"os": "Linux", "arch": "X64"},
            "github": {"run_id": "7", "run_attempt": "1"},
        }
        runner = Runner(repository, runner_folder, environment, contexts, found or {})
        return runner.run(ACTION["runs"]["steps"]), runner

    return run
