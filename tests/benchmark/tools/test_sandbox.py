"""What a tool's arguments can make it do, and how the sandbox reports it."""

from __future__ import annotations

import sys
import time

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.sandbox import CallLimits, Result, Sandbox, missing_limits
from toolmark.benchmark.tools.sources.python import tools_from_python

TOOLS = '''
"""Tools that do whatever their arguments say."""
import dataclasses
import datetime
import decimal
import enum
import os
import socket
import subprocess
import threading
import sys
import time
import uuid

import pydantic


def read_file(path: str) -> str:
    """Read a file."""
    with open(path) as file:
        return file.read()


def write_file(path: str, text: str = "x") -> str:
    """Write a file, and list the folder of the process."""
    with open(path, "w") as file:
        file.write(text)
    return ",".join(sorted(os.listdir(".")))


def link_and_read(target: str) -> str:
    """Read a file by way of a link."""
    os.symlink(target, "link")
    return read_file("link")


def descriptor(number: int) -> str:
    """Open a descriptor."""
    return os.fdopen(number).read()


def spin_in_c() -> int:
    """Never return, and never reach a signal handler."""
    return 7 ** 10**9


def allocate(size: int) -> int:
    """Take memory."""
    return len(bytearray(size))


def leave(status: int) -> int:
    """End the process."""
    os._exit(status)


def leave_later(seconds: float) -> str:
    """End the process after the call has been answered."""
    threading.Timer(seconds, os._exit, (3,)).start()
    return "armed"


def wait(seconds: float) -> str:
    """Wait."""
    time.sleep(seconds)
    return "waited"


def stop(status: int) -> int:
    """Ask the interpreter to end."""
    raise SystemExit(status)


def connect(host: str) -> str:
    """Reach the network."""
    socket.create_connection((host, 80))
    return "connected"


def shell(command: str) -> str:
    """Run a program."""
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout


def fork() -> int:
    """Fork."""
    return os.fork()


def native(name: str) -> str:
    """Load a native library."""
    import ctypes
    return str(ctypes.CDLL(name))


def environment(name: str) -> str:
    """Look at the environment."""
    return os.environ.get(name, "absent")


def long_text(size: int) -> str:
    """Answer at length."""
    return "x" * size


def loud(text: str) -> str:
    """Print."""
    print(text)
    os.write(1, text.encode())
    return text


def lazy() -> str:
    """Import late."""
    import colorsys, wave, zoneinfo
    return zoneinfo.ZoneInfo("Asia/Kolkata").key


def not_json(kind: str) -> object:
    """Answer what JSON cannot hold."""
    return {"set": {1}, "inner set": Load(1, {2}), "nan": float("nan"), "bytes": b"", "object": object()}[kind]


@dataclasses.dataclass
class Load:
    width: int
    tags: object = None


class Quote(pydantic.BaseModel):
    total: decimal.Decimal
    until: datetime.date = pydantic.Field(alias="validUntil")
    load: Load


class Fuel(enum.Enum):
    PETROL = "petrol"


def not_plain(kind: str) -> object:
    """Answer an object that is not plain JSON."""
    day = datetime.date(2026, 1, 31)
    return {
        "date": day,
        "time": datetime.datetime(2026, 1, 31, 9, 5),
        "decimal": decimal.Decimal("1.10"),
        "enum": [Fuel.PETROL],
        "uuid": uuid.UUID(int=1),
        "dataclass": Load(3, {"day": day}),
        "model": Quote(total=decimal.Decimal("2.50"), validUntil=day, load=Load(4)),
    }[kind]
'''


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "hostile_tools.py"
    path.write_text(TOOLS)
    return {tool.name: tool for tool in tools_from_python(path)}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(CallLimits(seconds=0.7)) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_file", {"path": "../../../../../../etc/passwd"}),
        ("read_file", {"path": "/etc/passwd"}),
        ("read_file", {"path": "/proc/self/environ"}),
        ("write_file", {"path": "../escape.txt"}),
        ("link_and_read", {"target": "/etc/passwd"}),
        ("descriptor", {"number": 3}),
        ("connect", {"host": "127.0.0.1"}),
        ("connect", {"host": "localhost"}),
        ("shell", {"command": "id"}),
        ("fork", {}),
        ("native", {"name": "libc.so.6"}),
    ],
)
def test_the_world_is_out_of_reach(sandbox, tools, name, arguments):
    result = sandbox.run(tools[name], arguments)
    assert result.kind == "error"
    assert "sandbox refuses" in result.error


def test_the_scratch_folder_is_writable_and_empty_for_every_call(sandbox, tools):
    assert sandbox.run(tools["write_file"], {"path": "a.txt"}).value == "a.txt"
    assert sandbox.run(tools["write_file"], {"path": "b.txt"}).value == "b.txt"


def test_library_and_time_zones_stay_readable(sandbox, tools):
    assert sandbox.run(tools["lazy"], {}).value == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("spin_in_c", {}, "timeout"),
        ("allocate", {"size": 2**30}, "memory"),
        ("leave", {"status": 0}, "crash"),
        ("leave", {"status": 3}, "crash"),
        ("stop", {"status": 0}, "error"),
        ("long_text", {"size": 300_000}, "too_large"),
        ("not_json", {"kind": "set"}, "error"),
        ("not_json", {"kind": "inner set"}, "error"),
        ("not_json", {"kind": "object"}, "error"),
        ("not_json", {"kind": "nan"}, "error"),
        ("not_json", {"kind": "bytes"}, "error"),
    ],
)
def test_each_end_is_named_and_the_next_call_works(sandbox, tools, name, arguments, kind):
    result = sandbox.run(tools[name], arguments)
    assert (result.kind, result.value) == (kind, None)
    assert result.error
    assert sandbox.run(tools["loud"], {"text": "still here"}).value == "still here"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "2026-01-31"),
        ("time", "2026-01-31T09:05:00"),
        ("decimal", "1.10"),
        ("enum", ["petrol"]),
        ("uuid", "00000000-0000-0000-0000-000000000001"),
        ("dataclass", {"width": 3, "tags": {"day": "2026-01-31"}}),
        ("model", {"total": "2.50", "validUntil": "2026-01-31", "load": {"width": 4, "tags": None}}),
    ],
)
def test_a_result_of_a_type_that_arguments_can_have_becomes_json(sandbox, tools, kind, value):
    assert sandbox.run(tools["not_plain"], {"kind": kind}) == Result(value, None, "ok")


@pytest.mark.parametrize(
    ("kind", "reason"), [("set", "for example sorted"), ("nan", "NaN or an infinite"), ("object", "of the type object")]
)
def test_a_result_that_json_cannot_express_is_explained(sandbox, tools, kind, reason):
    assert reason in sandbox.run(tools["not_json"], {"kind": kind}).error


def test_a_worker_that_ends_is_replaced(tools):
    """A tool with effects runs in the worker itself, so it can end the worker, during a call or between two calls."""
    with Sandbox(CallLimits(confined=False, seconds=1)) as released:
        assert released.run(tools["leave_later"], {"seconds": 0.1}).value == "armed"
        assert released.run(tools["wait"], {"seconds": 0.3}).kind == "crash"
        assert released.run(tools["leave_later"], {"seconds": 0.0}).kind in ("ok", "crash")
        time.sleep(0.3)
        assert released.run(tools["loud"], {"text": "still here"}).value == "still here"
        assert released.run(tools["wait"], {"seconds": 5}).kind == "timeout"
        assert released.run(tools["loud"], {"text": "still here"}).value == "still here"


def test_a_process_is_replaced_after_many_calls_of_the_catalog(sandbox):
    tool = Tool(name="calculator", run="toolmark.benchmark.tools.catalog.arithmetic:calculator")
    assert [sandbox.run(tool, {"expression": f"1+{n}"}).value for n in range(450)] == list(range(1, 451))


def test_output_of_a_tool_is_swallowed(sandbox, tools, capfd):
    assert sandbox.run(tools["loud"], {"text": "noise"}).kind == "ok"
    assert capfd.readouterr() == ("", "")


def test_keys_of_the_user_are_not_in_the_worker(tools, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "secret")
    with Sandbox() as fresh:
        assert fresh.run(tools["environment"], {"name": "SOME_API_KEY"}).value == "absent"


def test_ten_megabytes_are_refused_or_processed(tools):
    text = {"text": "x" * 10_000_000}
    with Sandbox() as usual:
        assert usual.run(tools["loud"], text).kind == "error"
    with Sandbox(CallLimits(arguments=20_000_000, output=20_000_000)) as wide:
        assert wide.run(tools["loud"], text).value == text["text"]


@pytest.mark.parametrize(
    "arguments", [{}, {"text": 1}, {"text": "a", "more": 1}, {"text": float("nan")}, {"text": "\ud800"}, {"text": {1}}]
)
def test_arguments_against_the_schema_never_reach_the_tool(sandbox, tools, arguments):
    assert sandbox.run(tools["loud"], arguments).kind == "error"


def test_a_tool_let_out_reaches_what_the_user_reaches(tools, tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    with Sandbox(CallLimits(confined=False)) as open_sandbox:
        assert open_sandbox.run(tools["read_file"], {"path": str(tmp_path / "note.txt")}).value == "hello"


@pytest.mark.parametrize(("platform", "named"), [("darwin", "macOS: the memory"), ("win32", "win32: memory")])
def test_limits_that_a_platform_lacks_are_named(monkeypatch, platform, named):
    monkeypatch.setattr(sys, "platform", platform)
    lines = missing_limits()
    assert "refused only by Python" in lines[0]
    assert lines[1].startswith(named)


def test_without_an_implementation_nothing_runs(sandbox):
    assert sandbox.run(Tool(name="ghost"), {}).kind == "no_implementation"


@pytest.mark.parametrize("run", ["no_such_module:f", "/no/such/file.py:f", "json:no_such_function", "json"])
def test_an_implementation_that_cannot_be_loaded_is_the_users_error(sandbox, run):
    with pytest.raises(InputError, match="cannot be loaded"):
        sandbox.run(Tool(name="ghost", run=run), {})
