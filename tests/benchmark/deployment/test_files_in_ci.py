"""In CI, a GGUF file is compared with stored float answers: a fault of its template fails, and 8 bits pass."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.forked.commands import Commands
from tests.servers.pocket_gguf import write_gguf
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.engine.model_folder import locate

pytestmark = pytest.mark.slow

CASES = ("--cases", "generated", "--limit", "24", "--max-tokens", "60", "-q")
ENGINES = [
    "--model",
    pytest.param(
        "--deployed", marks=pytest.mark.skipif(find_spec("xllamacpp") is None, reason="pip install xllamacpp")
    ),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fault_of_the_template_fails_and_8_bits_pass(warm: Commands, tmp_path: Path, engine: str) -> None:
    from toolmark.benchmark.engine.adapter_merge import merge

    model, runs = tmp_path / "float", tmp_path / "runs"
    merge(locate(resolve("pocket-lora")), model)
    said = warm("eval", "--model", str(model), "--dialect", "tagged", "--runs", str(runs), *CASES)
    assert said.returncode == 0, said.said
    (stored,) = runs.glob("float-*")
    template = (model / "chat_template.jinja").read_text()
    fault = template.replace("turn['content'] | trim", "turn['content'] | trim | upper")
    assert fault != template
    for name, text, code in (("clean", template, 0), ("fault", fault, 1)):
        file = write_gguf(model, tmp_path / f"{name}.gguf", template=text, kind="q8_0")
        (tmp_path / name).mkdir()
        for beside in ("tokenizer.json", "tokenizer_config.json"):  # Transformers cannot make pocket's tokenizer.
            shutil.copyfile(model / beside, tmp_path / name / beside)
        said = warm("eval", engine, str(file), "--baseline", str(stored), "--runs", str(runs), *CASES)
        assert said.returncode == code, said.said
        assert ("regressed" in said.said) == (code == 1), said.said
