"""A training in several processes: the same losses as in one process, a killed process, and what is refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.trainers.dpo import DpoTrainer
from toolmark.trainers.host import run_training
from toolmark.trainers.own_answers.options import DpoOptions
from toolmark.trainers.process_group import check_sharding
from toolmark.trainers.training_job import TrainingJob

SHARDED = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
}
ROOT = Path(__file__).parents[2]


def test_a_trainer_that_uses_one_process_refuses_a_launcher(data, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    job = TrainingJob(data=data, out=tmp_path / "out", base="pocket", adapter="pocket-lora")
    with pytest.raises(
        InputError, match=r"started 2 processes, but the trainer dpo uses only one.* toolmark train dpo"
    ):
        run_training(DpoTrainer(), job, DpoOptions(), lambda _: None, lambda _: None)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("FSDP_VERSION", "1", "fsdp_version: 2"),
        ("FSDP_STATE_DICT_TYPE", "SHARDED_STATE_DICT", "fsdp_state_dict_type: FULL_STATE_DICT"),
        ("FSDP_CPU_RAM_EFFICIENT_LOADING", "true", "fsdp_cpu_ram_efficient_loading: false"),
    ],
)
def test_sharding_that_cannot_be_judged_is_refused(name, value, line):
    assert not check_sharding({})
    assert check_sharding(SHARDED)
    with pytest.raises(InputError, match=line):
        check_sharding(SHARDED | {name: value})


@pytest.mark.slow
def test_a_process_leaves_its_group_while_threads_of_gloo_wait_for_python():
    script = Path(__file__).with_name("left_group.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RANK": "0", "WORLD_SIZE": "2"}
    ended = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.stdout.splitlines() == ["left"] * 60, ended.stderr


def launched(processes: int, out: Path, base: Path, data: Path, dev: Path) -> subprocess.Popen[str]:
    options = ["--r", "4", "--epochs", "6", "--score-every", "5", "--threads", "1", "--precision", "float32"]
    options += ["--lr", "0.01", "--dropout", "0", "--shares.easy", "1", "--shares.no_tool", "1", "--max-tokens", "16"]
    where = ["--base", str(base), "--data", str(data), "--out", str(out), "--dialect", "tagged", "--device", "cpu"]
    training = ["-m", "toolmark", "train", "lora", *where, "--dev", str(dev), "--dev-limit", "2", *options]
    launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(processes)]
    several = [*launcher, "--main_process_port", "0"] if processes > 1 else []
    return subprocess.Popen(
        [sys.executable, *several, *training],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(training: subprocess.Popen[str]) -> str:
    said, _ = training.communicate(timeout=600)
    assert training.returncode == 0, said
    return said


@pytest.mark.slow
def test_sharded_weights_have_the_gradients_of_whole_weights(base):
    script = Path(__file__).parent / "finetuning" / "sharded_gradients.py"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [*launcher, str(script), str(base)], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stderr
    matrices, difference = re.findall(r"(\d+) matrices, largest difference (\S+)", ended.stdout)[0]
    assert int(matrices) == 28  # A and B of seven layers in each of two blocks
    assert float(difference) < 1e-5


@pytest.mark.slow
def test_two_processes_train_the_adapter_of_one_even_if_one_of_them_is_killed(base, data, dev, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finished(launched(1, one, base, data, dev))

    training = launched(2, two, base, data, dev)
    curve, end = two / "checkpoints" / "curve.jsonl", time.monotonic() + 600
    while training.poll() is None and time.monotonic() < end:
        if curve.exists() and len(curve.read_text().splitlines()) >= 7:  # two steps after the first checkpoint
            break
        time.sleep(0.02)
    processes = psutil.Process(training.pid).children(recursive=True)
    second = next(process for process in processes if process.environ().get("RANK") == "1")
    second.send_signal(signal.SIGKILL)
    said, _ = training.communicate(timeout=120)
    assert training.returncode != 0, said
    _, left = psutil.wait_procs(processes, timeout=10)
    assert not left, "a process goes on without the killed one"
    assert not (two / "toolmark.json").exists()

    said = finished(launched(2, two, base, data, dev))
    assert said.count("Resuming at step 5 of ") == 1, said
    assert said.count("Kept step ") == 1, "only the first process prints"

    whole, split = WrittenRecord.read(one), WrittenRecord.read(two)
    assert (whole.options["processes"], split.options["processes"]) == (1, 2)
    assert split.tokens == whole.tokens
    assert len(split.curve) == len(whole.curve) > 10
    for expected, found in zip(whole.curve, split.curve, strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    cases = {"cases": str(dev), "split": "dev", "dialect": "tagged", "max_tokens": 16, "runs": tmp_path / "runs"}
    judged = evaluate(Request(models=(str(base),), adapters=(str(one), str(two)), **cases), logs=False)
    _, of_one, of_two = judged.contestants
    for metric in judged.primary:
        assert of_two.differences[metric.id].verdict == of_one.differences[metric.id].verdict
