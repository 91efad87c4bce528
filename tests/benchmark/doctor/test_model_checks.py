"""The checks of a model, with the shipped model, broken copies of it, and servers on loopback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.servers.chat import chat_server, completion
from tests.servers.real import write_models
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.doctor.findings import Finding, run_checks
from toolmark.benchmark.doctor.model_checks import contestant_of, model_checks


def checked(spec: str | Path, dialect: str | None = None) -> dict[str, Finding]:
    findings = dict(run_checks(model_checks(str(spec), dialect, 20)))
    assert all(bool(finding.advice) == (finding.state != "ok") for finding in findings.values())
    return findings


def states(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.state for name, finding in findings.items() if finding.state != "ok"}


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """`pocket`, and `pocket-native`, whose template shows tools."""
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    return folder


def copy_without(model: Path, folder: Path, *names: str) -> Path:
    """A copy of a model without some of its files."""
    folder.mkdir()
    for file in model.iterdir():
        if file.name not in names:
            (folder / file.name).symlink_to(file.resolve())
    return folder


def test_the_shipped_model():
    findings = checked("pocket")
    assert states(findings) == {}
    assert list(findings) == ["model", "weights", "template", "dialect", "context", "case"]
    assert "3.1M parameters" in findings["weights"].found
    assert "the dialect native is not possible" in findings["template"].found
    assert findings["dialect"].found == "tagged (default)"
    assert findings["context"].found.startswith("8,192 tokens; the longest of the 1,125 shipped cases needs 5,162")
    assert re.match(r"[\d.e+-]+ s a case \(measured on 2 cases", findings["case"].found)


def test_a_template_that_shows_tools_is_told(models):
    findings = checked(models / "pocket-native")
    assert states(findings) == {}
    assert "the dialect native is possible" in findings["template"].found
    assert "compare with --dialect native" in findings["dialect"].found


def test_native_with_a_template_that_ignores_tools_is_a_problem(models):
    findings = checked(models / "pocket", "native")
    assert states(findings) == {"template": "problem", "context": "problem", "case": "problem"}
    assert "does not show the offered tool" in findings["template"].found


@pytest.mark.parametrize(
    ("left_out", "line", "found"),
    [
        (("chat_template.jinja",), "template", "has no chat template"),
        (("tokenizer.json", "tokenizer_config.json"), "template", "loses the text of a prompt"),
        (("model.safetensors",), "weights", "has no *.safetensors"),
    ],
)
def test_a_missing_file_is_named(models, tmp_path, left_out, line, found):
    findings = checked(copy_without(models / "pocket", tmp_path / "copy", *left_out))
    assert findings[line].state == "problem"
    assert found in findings[line].found


def test_a_template_that_hides_questions_is_a_problem(models, tmp_path):
    folder = copy_without(models / "pocket", tmp_path / "copy", "chat_template.jinja")
    parts = "{% for m in messages %}{{ m.role }}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
    (folder / "chat_template.jinja").write_text(parts)
    findings = checked(folder)
    assert findings["template"].state == "problem"
    assert "does not show the text of a turn of the role 'user'" in findings["template"].found


def test_weights_that_are_cut_are_told(models, tmp_path):
    folder = copy_without(models / "pocket", tmp_path / "copy", "model.safetensors")
    whole = (models / "pocket" / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    findings = checked(folder)
    assert list(findings) == ["model", "weights", "dialect"], "nothing else can be checked"
    assert states(findings) == {"weights": "problem"}


def test_a_short_context_is_told(models, tmp_path):
    folder = copy_without(models / "pocket", tmp_path / "copy", "config.json")
    config = json.loads((models / "pocket" / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 1024}))
    findings = checked(folder)
    assert findings["context"].state == "warning"
    assert "1,024 tokens, but the longest" in findings["context"].found


def test_recorded_answers_and_policies_need_little():
    assert states(checked("policy/never")) == {}
    recorded = Path(__file__).parents[3] / "docs" / "replays" / "pocket.jsonl.gz"
    findings = checked(f"replay/{recorded}")
    assert "recorded answers" in findings["model"].found
    assert findings["dialect"].found.endswith("(as recorded)")


def test_a_model_that_is_not_here_is_probed_and_not_downloaded(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    findings = checked("Qwen/Qwen3-0.6B")
    assert list(findings) == ["model", "weights", "dialect"]
    assert findings["weights"].state == "problem"
    assert "hf download Qwen/Qwen3-0.6B" in findings["weights"].advice
    assert findings["dialect"].found == "hermes (default of the family Qwen)"


def test_a_wrong_spec_or_dialect_is_an_error_of_the_user():
    with pytest.raises(InputError, match="pocket"):
        contestant_of("poket", None)
    with pytest.raises(InputError, match="tagged"):
        contestant_of("pocket", "taged")


def serve(monkeypatch, url: str) -> str:
    monkeypatch.setenv("PROBED_BASE_URL", url)
    monkeypatch.setenv("PROBED_API_KEY", "secret-key")
    return "openai-api/probed/m"


def test_a_served_model_is_asked_with_its_key_as_in_a_run(monkeypatch):
    keys = set()

    def answer(request, headers):
        keys.add(headers["Authorization"])
        assert request["model"] == "m"
        return completion("Words.", prompt=20 + 60 * bool(request.get("tools")))

    with chat_server(answer) as url:
        findings = checked(serve(monkeypatch, url))
    assert keys == {"Bearer secret-key"}
    assert list(findings) == ["model", "chat", "tools", "calls", "streaming", "lost", "dialect", "case"]
    assert states(findings) == {"streaming": "warning", "lost": "warning"}
    assert "20 tokens read, 5 written" in findings["case"].found


def test_another_api_is_asked_by_inspect(monkeypatch):
    def answer(request, _):  # OpenAI's second API
        message = {"type": "output_text", "text": "Words.", "annotations": []}
        output = [{"type": "message", "id": "1", "role": "assistant", "status": "completed", "content": [message]}]
        if request.get("tools"):
            call = {"name": "parcel_price", "arguments": "{}", "call_id": "1", "id": "2", "status": "completed"}
            output = [{"type": "function_call", **call}]
        details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        usage = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25, **details}
        fixed = {"id": "1", "object": "response", "created_at": 0, "model": "gpt-5", "status": "completed"}
        more = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage}
        return 200, "application/json", json.dumps({**fixed, **more, "output": output}).encode()

    with chat_server(answer) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
        findings = checked("openai/gpt-5")
    assert states(findings) == {}
    assert list(findings) == ["model", "chat", "calls", "dialect", "case"]
    assert "not visible here" in findings["calls"].found


def test_a_missing_key_is_a_problem(monkeypatch):
    monkeypatch.delenv("PROBED_API_KEY", raising=False)
    findings = checked("openai-api/probed/m")
    assert states(findings) == {"provider": "problem"}
    assert "PROBED_API_KEY" in findings["provider"].found


@pytest.mark.slow  # starts processes that import torch; what they check is checked above
def test_the_command_checks_a_model_and_names_a_template_without_end(warm, models, tmp_path):
    well = warm("doctor", "--json", "--model", "pocket", "--runs", str(tmp_path))
    assert well.returncode == 0, well.stdout
    assert [finding["name"] for finding in json.loads(well.stdout)["findings"]][-1] == "case"
    endless = copy_without(models / "pocket", tmp_path / "endless", "chat_template.jinja")
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (endless / "chat_template.jinja").write_text(loop)
    ill = warm("doctor", "--model", str(endless), "--seconds", "20", "--runs", str(tmp_path))
    assert ill.returncode == 69
    assert re.search(
        r"problem  template   the chat template of .* does not end: one prompt took longer than 5 s", ill.stdout
    )


@pytest.mark.slow  # transformers serve takes seconds to start; the same questions are asked above
def test_a_real_server(real_server):
    findings = checked(real_server.spec("pocket-native"), "native")
    assert states(findings) == {"parallel": "warning"}, "pocket writes one call"
    assert "the model called the offered tool" in findings["tools"].found
    assert "2.50 is unchanged" in findings["arguments"].found
    without = checked(real_server.spec("pocket"), "native")
    assert without["tools"].state == "problem"
