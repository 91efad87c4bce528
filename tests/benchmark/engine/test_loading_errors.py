"""Python code in the folder of a model is never run, and nobody is asked whether to run it."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError

pytest.importorskip("torch", reason="the extra `local` is not installed")

ROOT = Path(__file__).parents[3]


@pytest.fixture
def hostile(tmp_path: Path, pocket: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of an architecture of its own. Its code leaves a file. Somebody types `y` at every question."""
    folder = tmp_path / "hostile"
    shutil.copytree(pocket, folder)
    code = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\nfrom transformers import *\n"
    (folder / "code.py").write_text(code + "class Config(PretrainedConfig): model_type = 'own'\nclass Model: pass\n")
    config = json.loads((folder / "config.json").read_text())
    del config["max_position_embeddings"]
    classes = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": classes}))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["code.Tokenizer", "code.Tokenizer"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 20))
    return folder


def _evaluated(folder: Path) -> None:
    from toolmark.benchmark.engine.local_engine import LocalEngine

    LocalEngine(folder, Decoding(), device="cpu", dtype="float32")


def _checked(folder: Path) -> None:
    from toolmark.benchmark.engine.zero_adapter import zero_adapter

    zero_adapter(folder, folder / "zero")


def _merged(folder: Path) -> None:
    from toolmark.benchmark.engine.adapter_merge import merge

    merge(Weights(folder, folder / "adapter"), folder / "merged")


def _trained(folder: Path) -> None:
    pytest.importorskip("peft", reason="the extra `train` is not installed")
    from toolmark.trainers.finetuning.adapted_model import load_trainable
    from toolmark.trainers.finetuning.options import LoraOptions

    load_trainable(folder, LoraOptions())


def _encoded(folder: Path) -> None:
    from toolmark.benchmark.engine.model_config import context_length
    from toolmark.benchmark.engine.tokenizer import open_tokenizer

    with pytest.raises(InputError, match="never runs such code"):
        open_tokenizer(folder)
    context_length(folder)


@pytest.mark.parametrize("use", [_evaluated, _checked, _merged, _trained, _encoded])
def test_code_of_a_model_is_refused_without_a_question(
    hostile: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], use: Callable[[Path], Any]
) -> None:
    with pytest.raises(InputError, match="Toolmark never runs such code"):
        use(hostile)
    assert not (tmp_path / "ran").exists()
    assert "[y/N]" not in capfd.readouterr().out


def test_every_automatic_class_is_told_not_to_trust() -> None:
    folders = ("benchmark", "suites", "generators", "trainers", "reports")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    calls = [
        call
        for file in files
        for call in re.findall(r"Auto\w+\.from_\w+\([^()]*(?:\([^()]*\)[^()]*)*\)", file.read_text(encoding="utf-8"))
    ]
    assert len(calls) >= 4
    assert [call for call in calls if "trust_remote_code=False" not in call] == []
