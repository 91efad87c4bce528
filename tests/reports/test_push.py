"""Tests `toolmark models push` with a hub on loopback that records what it receives."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, parse_eval_result_entries
from ruamel.yaml import YAML

from tests.forked.commands import Commands, Ended
from toolmark.benchmark.core.hashing import hash_files
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.runs.ledger import Ledger

ROOT = Path(__file__).parents[2]
CASES = ROOT / "suites" / "cases" / "calls.dev.jsonl"
TOKEN = "hf_" + "never" * 7
CALL = '<tool_call>{"tool_name": "no_such_tool", "args": {}}</tool_call>'


class _Hub(BaseHTTPRequestHandler):
    """A hub that has no such model yet and accepts every upload, or one that refuses the token."""

    server: Any

    def _answer(self, status: int, content: Any, **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.server.requests.append(("GET", self.path, b""))
        self._answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(("POST", self.path, body))
        home = f"http://127.0.0.1:{self.server.server_port}/someone/mine"
        if self.server.refuses:
            self._answer(403, {"error": f"Forbidden for {self.headers['Authorization']}"})
        elif self.path == "/api/repos/create":
            self._answer(200, {"url": home})
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            files = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
            self._answer(200, {"files": files})
        elif "/commit/" in self.path:
            self._answer(200, {"success": True, "commitUrl": f"{home}/commit/1", "commitOid": "1"})
        else:
            self._answer(200, {})

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def hub() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        server.requests, server.refuses = [], False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """The folder of a trainer: weights, record, a card by another author, and files that must not be published."""
    folder = tmp_path / "mine"
    (folder / "checkpoint-3").mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "google/gemma-3-1b-it"}')
    (folder / "toolmark.json").write_text('{"trainer": "lora", "command": "toolmark train lora"}')
    (folder / "README.md").write_text(
        "---\nbase_model: /home/me/models/gemma\nlibrary_name: peft\nlicence: mit\n---\n\n# Mine\n\nMy own words.\n"
    )
    for name in ("training_args.bin", "optimizer.pt", "adapter_model.bin", ".env", "notes.txt"):
        (folder / name).write_bytes(b"\x80\x04K\x01.")
    (folder / "checkpoint-3" / "adapter_model.safetensors").write_bytes(b"")
    return folder


def recorded(folder: Path, right: int, adapter: str | None) -> Path:
    cases = limited(load_cases(str(CASES))[0], 12)
    with Ledger(folder) as ledger:
        ledger.open_session({"identity": {"dialect": "tagged/1", "adapter": adapter}, "environment": {}})
        answers = (Completion(CALL if index < right else "No.") for index in range(len(cases)))
        ledger.append([(case.id, case.id, 1, said) for case, said in zip(cases, answers, strict=True)])
    return folder


@pytest.fixture
def runs(tmp_path: Path, adapter: Path) -> list[str]:
    known = hash_files([adapter / "adapter_model.safetensors", adapter / "adapter_config.json"])
    mine, base = recorded(tmp_path / "run", 12, known), recorded(tmp_path / "base", 2, None)
    return ["--run", str(mine), "--baseline", str(base), "--cases", str(CASES)]


@pytest.fixture
def push(warm_without_torch: Commands, tmp_path: Path) -> Callable[..., Ended]:
    """`push(FOLDER, …)`: `toolmark models push` in a process that reads the hub's settings itself."""

    def run(*arguments: str, port: int = 1, token: str | None = TOKEN) -> Ended:
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TOOLMARK_"))}
        variables |= {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(tmp_path / "hf"), "COLUMNS": "300"}
        variables["SOURCE_DATE_EPOCH"] = "1790000000"
        variables |= {"HF_TOKEN": token} if token else {}
        command = ("toolmark", "models", "push", *arguments)
        ended = warm_without_torch.start(*command, cwd=tmp_path, environment=variables).wait()
        assert TOKEN not in ended.said
        assert "Traceback" not in ended.stderr, ended.stderr
        return ended

    return run


PUBLISHED = {"README.md", "adapter_config.json", "adapter_model.safetensors", "toolmark.json"}


def committed(hub: Any) -> dict[str, bytes]:
    (body,) = [body for verb, path, body in hub.requests if verb == "POST" and "/commit/" in path]
    rows = [json.loads(line) for line in body.splitlines()]
    return {row["value"]["path"]: base64.b64decode(row["value"]["content"]) for row in rows if row["key"] == "file"}


def test_what_is_published_is_what_the_hub_s_own_classes_read(push, adapter, runs, hub):
    options = [*runs, "--to", "someone/mine", "--dataset", "someone/toolmark"]
    run = push(str(adapter), *options, port=hub.server_port)
    assert run.returncode == 0, run.stderr
    assert f"published: http://127.0.0.1:{hub.server_port}/someone/mine/commit/1" in run.stdout
    files = committed(hub)
    assert files.keys() == PUBLISHED | {".eval_results/toolmark.yaml"}
    for name in PUBLISHED - {"README.md"}:
        assert files[name] == (adapter / name).read_bytes()
    card = ModelCard(files["README.md"].decode())
    assert (card.data.base_model, card.data.library_name) == ("google/gemma-3-1b-it", "peft")
    assert {"toolmark", "tool-calling"} <= set(card.data.tags)
    results = {result.metric_type: asdict(result) for result in card.data.eval_results}
    assert results["timing.recall"]["metric_value"] == 100.0
    assert "My own words." in card.text
    assert card.text.count("## Tool calling") == 1
    entries = parse_eval_result_entries(YAML(typ="safe").load(files[".eval_results/toolmark.yaml"].decode()))
    assert {entry.task_id: entry.value for entry in entries}["timing.recall"] == 100.0
    assert {entry.dataset_id for entry in entries} == {"someone/toolmark"}
    asked = b"".join([*(path.encode() + body for _, path, body in hub.requests), *files.values()])
    for secret in (TOKEN, "training_args", "optimizer.pt", ".bin", "notes.txt", "/home/me"):
        assert secret.encode() not in asked, secret
    # The generated card is the input of the second run: the author's text and our part must not be doubled.
    (adapter / "README.md").write_bytes(files["README.md"])
    hub.requests.clear()
    assert push(str(adapter), *options, port=hub.server_port).returncode == 0
    assert committed(hub)["README.md"] == files["README.md"]


def test_a_dry_run_lists_the_files_and_asks_nobody(push, adapter, runs, hub):
    run = push(str(adapter), *runs, "--to", "a/b", "--dry-run", port=hub.server_port, token=None)
    assert run.returncode == 0, run.stderr
    listed = {line.partition(":")[0] for line in run.stdout.splitlines() if " bytes" in line}
    assert listed == PUBLISHED
    left_out = "left out: .env, adapter_model.bin, checkpoint-3, notes.txt, optimizer.pt, training_args.bin"
    assert left_out in run.stdout
    assert hub.requests == []


def test_every_refusal_says_what_mends_it(push, tmp_path, adapter, runs, hub):
    to = ["--to", "someone/mine"]
    run = push(str(adapter), *runs, *to, token=None)
    assert (run.returncode, "hf auth login" in run.stderr) == (69, True)
    run = push(str(adapter), *runs, *to)  # no server listens at that port
    assert run.returncode == 69
    assert "http://127.0.0.1:1 cannot be reached" in run.stderr
    assert f"toolmark models push {adapter} --to someone/mine" in run.stderr
    hub.refuses = True
    run = push(str(adapter), *runs, *to, port=hub.server_port)
    assert run.returncode == 69
    assert "is not allowed to write to someone/mine" in run.stderr
    for arguments, said in (
        ([str(adapter), *runs, "--to", "no place"], "ORG/NAME"),
        ([str(tmp_path), *runs, *to], "is not the folder of an adapter or a model"),
    ):
        run = push(*arguments)
        assert (run.returncode, said in run.stderr) == (4, True), run.stderr


def test_other_weights_and_pickles_are_refused(push, adapter, runs):
    weights = adapter / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"\1")
    run = push(str(adapter), *runs, "--to", "a/b", "--dry-run")
    assert (run.returncode, "used different weights" in run.stderr) == (4, True)
    weights.write_bytes(b"\x80\x04\x95" + whole)
    run = push(str(adapter), *runs, "--to", "a/b", "--dry-run")
    assert (run.returncode, "is not a valid safetensors file" in run.stderr) == (4, True)
    weights.unlink()
    run = push(str(adapter), *runs, "--to", "a/b", "--dry-run")
    assert (run.returncode, "never published" in run.stderr) == (4, True)
