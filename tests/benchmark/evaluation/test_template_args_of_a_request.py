"""The arguments of the chat template: which are used and why, and that they are part of a run's identity."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from transformers.utils import chat_template_utils

from tests.servers.scripted import scripted_server
from tests.templates.folders import with_template
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request

CASES = str(Path(__file__).parents[3] / "suites" / "cases" / "either.test.jsonl")
OFF, ON = {"enable_thinking": False}, {"enable_thinking": True}


def chosen(*models: str, adapters: tuple[str, ...] = (), args: dict | None = None) -> list[str]:
    request = Request(models=models, adapters=adapters, cases=CASES, dialect="tagged", template_args=args)
    return [str(one.template_args) for one in Evaluation(request).contestants]


def trained(folder: Path, args: object) -> str:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "gemma-3-1b-it"}))
    (folder / "adapter_model.safetensors").touch()
    (folder / "toolmark.json").write_text(json.dumps({"dialects": ["tagged"], "template_args": args}))
    return str(folder)


def test_the_arguments_of_the_training_are_the_default_for_adapter_and_base(tmp_path: Path) -> None:
    thinks_not = trained(tmp_path / "a", OFF)
    because = 'template arguments {"enable_thinking": false} (the adapter was trained with these arguments)'
    assert chosen("gemma-3-1b-it", adapters=(thinks_not,)) == [because, because]
    assert chosen("gemma-3-1b-it", adapters=(trained(tmp_path / "b", {}),)) == ["", ""]
    assert chosen("gemma-3-1b-it", adapters=(trained(tmp_path / "c", {"tools": []}),)) == ["", ""], "a hostile record"
    with pytest.raises(InputError, match=r"different template arguments: .*\"enable_thinking\": true"):
        chosen("gemma-3-1b-it", adapters=(thinks_not, trained(tmp_path / "d", ON)))
    assert chosen("policy/first", "gemma-3-1b-it") == ["", ""]


def test_an_option_wins_and_the_difference_is_told(tmp_path: Path) -> None:
    thinks_not = trained(tmp_path / "a", OFF)
    told = 'template arguments {"enable_thinking": true} (chosen by --template-args; the training used '
    assert chosen("gemma-3-1b-it", adapters=(thinks_not,), args=ON) == [told + '{"enable_thinking": false})'] * 2
    assert chosen("gemma-3-1b-it", adapters=(thinks_not,), args={})[0].startswith("template arguments {} (chosen by")
    assert chosen("gemma-3-1b-it", args=ON) == [
        'template arguments {"enable_thinking": true} (chosen by --template-args)'
    ]
    with pytest.raises(InputError, match="'tools' is set by Toolmark"):
        chosen("gemma-3-1b-it", args={"tools": []})


def test_a_thinking_template_is_two_runs_with_two_prompts(pocket: Path, suites, tmp_path: Path) -> None:
    model = str(with_template(pocket, tmp_path / "thinking", "qwen3"))
    few = ("--model", model, "--dialect", "native", "--limit", "2", "--max-tokens", "16", "-k", "not gold")
    plain = suites(*few)
    assert plain.returncode == 0, plain.said
    silent = suites(*few, "--template-args", json.dumps(OFF))
    assert silent.returncode == 0, silent.said
    assert '; template arguments {"enable_thinking": false} (chosen by --template-args)' in silent.stdout
    assert 'template-args={"enable_thinking": false} (--template-args)' in silent.stdout
    ledgers = [path.read_text().splitlines() for path in sorted(tmp_path.glob("runs/*/ledger.jsonl"))]
    assert len(ledgers) == 2
    identities = [json.loads(lines[0])["run"]["identity"] for lines in ledgers]
    assert sorted(identity.get("template_args", {}) == OFF for identity in identities) == [False, True]
    read = [sum(json.loads(line)["usage"]["input_tokens"] for line in lines[1:]) for lines in ledgers]
    tokenizer = open_tokenizer(Path(model))
    more = len(tokenizer("<think>\n\n</think>\n\n", add_special_tokens=False)["input_ids"])
    assert max(read) - min(read) == 2 * more, "each of the two prompts ends with an empty thought"


def at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the templates of transformers read this time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):  # noqa: ARG003 - the parameter of datetime
            return moment

    monkeypatch.setattr(chat_template_utils, "datetime", Clock)


def test_two_dates_give_one_identity_and_one_prompt(pocket: Path, tmp_path: Path, monkeypatch) -> None:
    model = with_template(pocket, tmp_path / "dated", "dated")
    prompt = Tagged().render([Message(role="user", content="Hi")], [])
    found = []
    for moment in (datetime(2026, 11, 29), datetime(2031, 1, 2)):
        at(moment, monkeypatch)
        evaluation = Evaluation(
            Request(models=(str(model),), cases=CASES, limit=2, max_tokens=8, runs=tmp_path / "runs")
        )
        evaluation.run(logs=False)
        run = evaluation.contestants[0].run
        found.append((run.identity, run.folder, encode(prompt, open_tokenizer(model)).ids))
    assert found[0] == found[1]
    assert (run.made, run.reused) == (0, 2)
    identity, _, ids = found[0]
    assert identity["template_date"] == "2024-07-26"
    assert "Today Date: 26 Jul 2024\n" in open_tokenizer(model).decode(ids)


def test_the_header_tells_the_date(pocket: Path, suites, tmp_path: Path) -> None:
    model = str(with_template(pocket, tmp_path / "dated", "dated"))
    run = suites("--model", model, "--collect-only")
    assert "its chat template reads the clock, and always gets the date 2024-07-26" in run.stdout
    other = suites("--model", "pocket", "--collect-only")
    assert "clock" not in other.stdout


def test_a_server_gets_the_arguments_or_the_option_is_refused(tmp_path: Path, monkeypatch) -> None:
    with scripted_server(lambda _: {"content": "No."}, service="templated") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        asked = Request(models=(server.spec,), cases=CASES, limit=2, template_args=OFF, runs=tmp_path)
        evaluation = Evaluation(asked)
        evaluation.run(logs=False)
        assert [request["chat_template_kwargs"] for request in server.requests] == [OFF] * 2
        assert evaluation.contestants[0].run.identity["template_args"] == OFF
    with pytest.raises(InputError, match=r"cannot be sent to openai/gpt-4\.1, because the provider openai"):
        Evaluation(Request(models=("openai/gpt-4.1",), cases=CASES, template_args=OFF))
