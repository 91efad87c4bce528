"""Tools of an OpenAPI file and of a live MCP server: read, linted, and run against real servers only as allowed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.tools.sources.lint import lint
from toolmark.benchmark.tools.sources.openapi import read_openapi
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file
from toolmark.benchmark.tools.toolbox_names import read_source

MAIL = """
openapi: 3.0.3
info: {title: Mail, version: 2024-01-01}
servers: [{url: "SERVER/v1"}]
paths:
  /boxes/{box}/mails:
    parameters:
      - {name: box, in: path, required: true, description: Which box., schema: {type: string}}
    get:
      operationId: list_mails
      summary: List the mails of a box.
      parameters:
        - {name: since, in: query, description: First day., schema: {type: string, format: date}}
        - $ref: "#/components/parameters/Tags"
      responses: {200: {description: ok}}
    post:
      operationId: send_email
      description: Send a mail from a box.
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Mail"}}}
      responses: {201: {description: sent}}
  /upload:
    post: {summary: Upload., requestBody: {required: true, content: {image/png: {}}}}
components:
  parameters:
    Tags: {name: tags, in: query, description: Any of these., schema: {type: array, items: {type: string}}}
  schemas:
    Mail:
      type: object
      required: [to, text]
      properties:
        id: {type: integer, readOnly: true}
        to: {$ref: "#/components/schemas/Person"}
        text: {type: string, description: What it says., minLength: 1}
        priority: {type: integer, nullable: true, minimum: 0, exclusiveMinimum: true, example: 3, description: Rank.}
    Person:
      type: object
      description: Somebody.
      required: [name]
      properties: {name: {type: string}, boss: {$ref: "#/components/schemas/Person"}}
"""


class _Mail(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str, str]]] = []

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.seen.append((self.command, self.path, body))
        status = 404 if "lost" in self.path else 200
        content = json.dumps({"count": 3}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 - named by http.server

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Path]:
    _Mail.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Mail) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        path = tmp_path / "mail.yaml"
        path.write_text(MAIL.replace("SERVER", f"http://127.0.0.1:{server.server_port}"))
        yield path
        server.shutdown()


def test_operations_become_tools_with_json_schema(mail: Path) -> None:
    read = read_source(mail)
    listing, sending = read.tools
    assert read.toolboxes == {"mail": ("list_mails", "send_email")}
    assert (listing.effects, sending.effects) == ("read", "write")
    assert listing.parameters["required"] == ["box"]
    assert list(listing.parameters["properties"]) == ["box", "since", "tags"]
    properties = sending.parameters["properties"]
    assert properties["priority"] == {"type": ["integer", "null"], "exclusiveMinimum": 0, "description": "Rank."}
    assert properties["to"] == {"$ref": "#/$defs/Person"}
    assert sending.parameters["$defs"]["Person"]["properties"]["boss"] == {"$ref": "#/$defs/Person"}
    assert "id" not in properties
    assert sending.parameters["required"] == ["box", "to", "text"]
    assert read.place("send_email", "text") == f"{mail}:35"
    (note,) = read.notes
    assert str(note).startswith(f"{mail}:24: the body of post_upload is not JSON")
    assert lint(read) == []


def test_an_operation_runs_as_its_effects_allow(mail: Path) -> None:
    listing, sending = named = read_source(mail).tools
    sent = {"box": "in/x y", "to": {"name": "Ada"}, "text": "Hi"}
    with Executor("read", named) as executor:
        assert not executor.may_run(sending)
        found = executor.run(listing, {"box": "in", "tags": ["a", "b"]})
        assert found.value == {"count": 3}, found
        assert "HTTP 404" in str(executor.run(listing, {"box": "lost"}).error)
        assert executor.run(listing, {"box": 3}).kind == "error"
    assert [(method, path) for method, path, _ in _Mail.seen] == [
        ("GET", "/v1/boxes/in/mails?tags=a&tags=b"),
        ("GET", "/v1/boxes/lost/mails"),
    ]
    with Executor("all", named) as executor:
        assert executor.run(sending, sent).kind == "ok"
        for box, encoded in (
            ("a.b", "a.b"),
            ("...", "..."),
            ("?x#y", "%3Fx%23y"),
            ("%2e", "%252e"),
            ("{box}", "%7Bbox%7D"),
        ):
            assert executor.run(sending, {**sent, "box": box}).kind == "ok"
            assert _Mail.seen[-1][1] == f"/v1/boxes/{encoded}/mails"
        seen = len(_Mail.seen)
        for box in ("", ".", "..", "a/../b", "..\\x", "../", "/."):
            assert executor.run(sending, {**sent, "box": box}).kind == "error", box
        assert len(_Mail.seen) == seen, "the request would be another operation's"
        assert executor.run(sending, sent).kind == "ok"
    method, path, body = _Mail.seen[-1]
    assert (method, path) == ("POST", "/v1/boxes/in%2Fx%20y/mails")
    assert json.loads(body) == {"to": {"name": "Ada"}, "text": "Hi"}


def test_json_is_read_too_and_a_live_tool_comes_back_from_a_tools_yaml(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    get = {"get": {"summary": "Now.", "responses": {}}}
    path.write_text(
        json.dumps({"openapi": "3.1.0", "servers": [{"url": "https://e.org"}], "paths": {"/now": get}}, indent="\t")
    )
    (now,) = read_source(path).tools
    assert (now.name, now.run) == ("get_now", f"openapi:{path}:get_now")
    kept = tmp_path / "tools.yaml"
    kept.write_text(f"- {{name: get_now, description: Now., run: '{now.run}', effects: read}}\n")
    assert read_tools_file(kept).tools[0].run == now.run


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("openapi: 3.0.3", "openapi: 2.0", 2, "openapi is 2.0"),
        ("paths:", "path:", 2, "no operation that can be a tool"),
        ("operationId: send_email", "operationId: list_mails", 17, "a tool named 'list_mails' appears twice"),
        ("operationId: send_email", f"operationId: {'x' * 65}", 17, "has 65 characters"),
        ("#/components/parameters/Tags", "#/components/parameters/Tag", 14, "does not exist"),
        ("#/components/parameters/Tags", "other.yaml#/Tags", 14, "leads out of the file"),
        ("in: path", "in: body", 8, "a parameter must have a name"),
        ("name: since, in: query", "name: box, in: query", 13, "two arguments called 'box'"),
        ("text: {type: string", "text: {type: text", 35, "not a valid JSON Schema"),
        ("    get:\n", "    get: 3\n    head:\n", 9, "get must be a mapping, not a number"),
    ],
)
def test_openapi_mistakes_have_file_line_and_fix(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    path = tmp_path / "mail.yaml"
    assert old in MAIL
    path.write_text(MAIL.replace(old, new))
    try:
        said = [str(note) for note in read_openapi(path).notes]  # of operations that are left out
    except InputError as error:
        said = str(error).splitlines()
    (found,) = {one.split(": ")[0] for one in said if what in one}
    assert found == f"{path}:{line}"


SERVER = '''
import sys
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

server = MCPServer("shop")
sold = []

@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def price(item: str, count: int = 1) -> float:
    """What an item costs."""
    if item == "air":
        raise ToolError("air is free")
    return 2.5 * count

@server.tool()
def sell(item: str) -> dict:
    """Sell an item."""
    sold.append(item)
    return {"sold": len(sold)}

@server.tool()
def bare(item: str = 3) -> str:
    return item

if len(sys.argv) > 1:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
else:
    server.run()
'''


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    path = tmp_path / "shop.py"
    path.write_text(SERVER)
    return path


def _tried(source: str) -> None:
    read = read_source(source)
    price, sell, _ = read.tools
    wrong = [fault for fault in lint(read) if fault.severity == "error"]
    assert [fault.what.partition(":")[0] for fault in wrong] == [
        "bare has no description",
        "the default 3 of bare.item does not match its own schema",
    ]
    assert all(fault.place.endswith("tool bare") and fault.fix for fault in wrong)
    assert (price.effects, sell.effects) == ("read", "write")
    assert price.parameters["properties"]["count"]["type"] == "integer"
    with Executor("read", read.tools) as executor:
        assert executor.run(price, {"item": "ink", "count": 3}).value == 7.5
        assert "air is free" in str(executor.run(price, {"item": "air"}).error)
        assert not executor.may_run(sell)
    with Executor("all", read.tools) as executor:
        assert executor.run(sell, {"item": "ink"}).value == {"sold": 1}


def test_an_mcp_server_over_its_pipes(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    _tried(f"mcp:{sys.executable} shop.py")


def test_an_mcp_server_over_http(shop: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(shop), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        _tried(f"mcp:http://127.0.0.1:{port}/mcp")
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    ("source", "kind", "what"),
    [
        ("mcp:", InputError, "there is no server after"),
        ("mcp:https://me:secret@e.org/mcp", InputError, "contains credentials"),
        ("mcp:a 'b", InputError, "is not a command"),
        ("mcp:/nowhere/at/all", EnvironmentFault, "does not list its tools"),
    ],
)
def test_a_server_that_cannot_be_asked_is_named(source: str, kind: type[Exception], what: str) -> None:
    with pytest.raises(kind, match=what):
        read_source(source)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("- name: a b\n  description: A.\n", 1, "no dialect can write the name 'a b'"),
        ("- name: a\n  description: ''\n", 1, "a has no description"),
        ("- {name: get_it, description: A.}\n- {name: getIt, description: B.}\n", 2, "only in case or punctuation"),
        ("- name: a\n  description: A.\n  parameters:\n    properties:\n      x: {type: string, default: true}\n", 5,
         "the default True of a.x does not match its own schema"),
        ("- name: a\n  description: A.\n  parameters:\n    required: [y]\n    properties: {}\n", 1,
         "requires the argument 'y' but does not describe it"),
    ],
)  # fmt: skip
def test_the_lint_finds_what_reads_and_is_of_no_use(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = tmp_path / "tools.yaml"
    path.write_text(text)
    (fault,) = [fault for fault in lint(read_tools_file(path)) if fault.severity == "error"]
    assert str(fault).startswith(f"{path}:{line}: ")
    assert what in str(fault)
    assert fault.fix


def test_what_is_doubtful_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "tools.yaml"
    path.write_text(
        "- {name: a.b, description: Same., parameters: {properties: {x: {type: string}}}}\n"
        "- {name: c, description: Same.}\n"
    )
    faults = lint(read_tools_file(path))
    assert {fault.severity for fault in faults} == {"warning"}
    assert len(faults) == 3
