"""Devices and data types. A device that this machine lacks is tested on the processor under the device's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.devices import (
    DEVICES,
    DeviceChoice,
    check_dtype_of_model,
    choose_device,
    choose_dtype,
    memory,
    naming_missing_operations,
    why_missing,
)
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.runs.run import Run

CASES = str(Path(__file__).parents[3] / "suites" / "cases" / "either.test.jsonl")
LACKING = [name for name in DEVICES if why_missing(name) is not None]


@pytest.fixture
def mps(monkeypatch):
    """The device mps, computed on the processor."""
    monkeypatch.setitem(DEVICES, "mps", replace(DEVICES["mps"], torch_name="cpu"))


def test_every_device_can_be_chosen_or_is_refused_with_the_reason():
    assert set(get_args(DeviceChoice)) == {"auto", *DEVICES}
    assert choose_device("cpu") == "cpu"
    for name in LACKING:
        with pytest.raises(EnvironmentFault) as error:
            choose_device(name)
        assert str(error.value).startswith(f"--device {name} is not possible on this machine: ")
        assert str(error.value).endswith(". Compute on the processor: --device cpu")


@pytest.mark.skipif("cuda" not in LACKING, reason="this machine has CUDA")
def test_auto_is_the_processor_without_cuda():
    assert choose_device("auto") == "cpu"
    assert str(torch.__version__) in str(why_missing("cuda"))


def test_data_types_follow_the_table():
    assert [choose_dtype("auto", device) for device in ("cpu", "mps")] == ["float32", "float32"]
    assert choose_dtype("bfloat16", "cpu") == "bfloat16"
    with pytest.raises(InputError, match=r"--dtype float16 is not possible on cpu\. Write one of float32, bfloat16"):
        choose_dtype("float16", "cpu")


def test_gemma_is_refused_in_float16(pocket):
    check_dtype_of_model(pocket, "bfloat16")
    with pytest.raises(InputError, match=r"exceed the range of float16\. Write --dtype bfloat16"):
        check_dtype_of_model(pocket, "float16")


@pytest.mark.parametrize(
    "said",
    [
        NotImplementedError("The operator 'aten::muon' is not currently implemented for the MPS device. If you want …"),
        TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64."),
    ],
)
def test_an_operation_that_a_device_lacks_is_named(said):
    named = pytest.raises(EnvironmentFault, match=r"mps cannot compute this model: .*(muon|float64)")
    with named, naming_missing_operations("mps"):
        raise said
    with pytest.raises(TypeError, match="a defect"), naming_missing_operations("mps"):
        raise TypeError("a defect")


@pytest.mark.usefixtures("mps")
def test_answers_under_the_name_of_another_device_are_those_of_the_processor(tmp_path):
    assert memory("mps") == memory("cpu")

    def answered(device: DeviceChoice) -> Run:
        chosen = {"device": device, "temperature": 0.9, "runs": tmp_path / device}
        evaluation = Evaluation(Request(models=("pocket",), cases=CASES, limit=2, max_tokens=16, **chosen))
        evaluation.run(logs=False)
        return evaluation.contestants[0].run

    # Drawn: the seeds of the device and the probabilities decide about the answers.
    ours, theirs = answered("mps"), answered("cpu")
    assert ours.completions == theirs.completions
    assert (ours.environment["device"], theirs.environment["device"]) == ("mps", "cpu")
    assert ours.identity == theirs.identity, "the device changes only the rounding"


def test_the_data_type_is_part_of_the_identity(tmp_path):
    def identity(**chosen: str) -> tuple[str, object]:
        few = {"models": ("pocket",), "cases": CASES, "limit": 1, "max_tokens": 4, "runs": tmp_path}
        evaluation = Evaluation(Request(**few, **chosen))
        evaluation.run(logs=False)
        run = evaluation.contestants[0].run
        return run.folder.name, run.identity["dtype"]

    (usual, first), (given, second) = identity(device="cpu"), identity(device="cpu", dtype="bfloat16")
    assert (first, second) == ("float32", "bfloat16")
    assert usual != given


@pytest.mark.skipif("cuda" not in LACKING, reason="this machine has CUDA")
def test_a_refused_device_ends_the_command_before_anything_is_written(suites, tmp_path):
    run = suites("--model", "pocket", "--device", "cuda", "--limit", "4", "-k", "not gold")
    assert run.returncode == 69, run.said
    assert "ERROR: --device cuda is not possible on this machine: torch" in run.stderr
    assert "Traceback" not in run.said
    assert list(tmp_path.glob("runs/*")) == []
