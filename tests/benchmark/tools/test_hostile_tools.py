"""A tool that is as hostile as it can be reaches nothing outside its call, and the next call is clean."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.forked.families import wait_until
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.sandbox import CallLimits, Sandbox, missing_limits

REACHING = Path(__file__).with_name("hostile_tools.py")
ANSWERING = Path(__file__).with_name("hostile_answers.py")
ROOT = Path(__file__).parents[3]
SECRET = "the secret of the user"

pytestmark = pytest.mark.skipif(bool(missing_limits()), reason="; ".join(missing_limits()))

REFUSED = (
    *("reads", "reads_by_link", "reads_by_climbing", "lists", "writes", "appends", "truncates", "truncates_by_reading"),
    *("deletes", "renames", "links", "makes_a_folder", "changes_the_mode", "changes_the_time", "changes_an_attribute"),
    *("changes_a_library", "reads_the_scratch_folder_of_the_worker"),
    *("connects", "sends_a_datagram", "connects_to_a_local_socket", "sends_by_a_pair_of_sockets", "listens"),
    *("asks_the_kernel_for_a_ring", "forks", "forks_without_python", "runs_a_program", "becomes_a_program"),
    *("kills_the_worker", "stops_the_group", "kills_everybody", "kills_by_a_descriptor", "kills_by_a_pipe"),
    *("leaves_the_group", "traces_the_worker", "reads_memory_of_the_worker", "reads_variables_of_the_worker"),
    *("slows_the_worker_down", "raises_its_limits", "raises_the_limits_of_the_worker", "gets_a_world_of_its_own"),
    *("becomes_root_again", "keeps_memory_outside", "keeps_shared_memory", "opens_files_without_end"),
    *("writes_a_large_file", "asks_to_exit", "interrupts", "goes_too_deep", "fails_with_a_long_text"),
)

ENDS = {
    **dict.fromkeys(REFUSED, "error"),
    "takes_memory": "memory",
    **dict.fromkeys(["leaves", "kills_itself", "reads_address_0", "fails_strangely", "closes_everything"], "crash"),
    **dict.fromkeys(["forges_a_kind", "forges_a_number", "forges_no_number"], "crash"),
    **dict.fromkeys(["forges_infinity", "forges_depth", "forges_bytes"], "crash"),
    **dict.fromkeys(["never_ends", "stops_itself"], "timeout"),
    **dict.fromkeys(["answers_without_end", "answers_deeply"], "too_large"),
    "answers_half_a_character": "error",
    **dict.fromkeys(["leaves_a_thread", "leaves_files", "leaves_changes", "leaves_another_position"], "ok"),
    **dict.fromkeys(
        [
            "forges_its_answer",
            "forges_answers",
            "forges_lines",
            "forges_an_escape",
            "answers_a_strange_text",
            "answers_a_strange_number",
        ],
        None,
    ),
}
"""How the call of each tool ends. None: it may end in any way, because its answer belongs to its own call."""


LONG = (*REFUSED[1::2], "takes_memory", "answers_without_end")
"""Calls of the slow tests. Each is of a kind of which the quick tests have another."""

PROCESSES = 3
"""The guard, the worker, and the process that waits for the next call."""


def processes() -> set[psutil.Process]:
    """Return all children of this process. Other tests have started some of them."""
    return set(psutil.Process().children(recursive=True))


def only_the_next_call_is_there(folders: Path, others: set[psutil.Process]) -> bool:
    # The scratch folder, its lock, and the folder of the next call. They possibly vanish meanwhile.
    names = [name for _, *inside in os.walk(folders) for name in (*inside[0], *inside[1])]
    return len(names) == 3 and len(processes() - others) == PROCESSES


def tool(name: str) -> Tool:
    file = next(file for file in (REACHING, ANSWERING) if f"def {name}(" in file.read_text())
    return Tool(name=name, run=f"{file}:{name}", parameters={"type": "object"})


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The temporary folder, in which the sandbox makes its own."""
    usual, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("temporary"))
    yield Path(tempfile.tempdir)
    tempfile.tempdir = usual


@pytest.fixture(scope="module")
def others():
    return processes()


@pytest.fixture(scope="module")
def sandbox(folders, others):  # noqa: ARG001 (they are counted before the sandbox starts)
    with Sandbox(CallLimits(seconds=0.7)) as running:
        yield running
    assert list(folders.iterdir()) == []


@pytest.fixture(scope="module")
def clean(sandbox):
    """What a call finds if no call was made before."""
    state = sandbox.run(tool("state"), {})
    assert state.kind == "ok", state
    assert state.value["folder"] == []
    return state


def described(file: Path) -> object:
    about = file.stat()
    return about.st_mode, about.st_mtime, about.st_nlink, file.read_text(), sorted(file.parent.iterdir())


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in ENDS])
def test_a_hostile_tool_is_contained(name, sandbox, clean, folders, others, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
        outside = tmp_path / f"outside-{server.getsockname()[1]}"
        outside.mkdir()
        secret = outside / "secret.txt"
        secret.write_text(SECRET)
        local.bind(str(outside / "socket"))
        before = described(secret)

        result = sandbox.run(tool(name), {"outside": str(outside)})

        assert ENDS[name] in (result.kind, None), result
        assert SECRET not in str(result)
        # The tool got past the checks that are made of Python code, so the system refused.
        assert "sandbox refuses" not in str(result)
        assert len(str(result).encode()) < 1000
        for one in (server, local):
            one.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
        with pytest.raises(BlockingIOError):
            local.recv(1)
        assert sandbox.run(tool("state"), {}) == clean
        assert described(secret) == before
        assert wait_until(lambda: only_the_next_call_is_there(folders, others), 5)


@pytest.mark.parametrize("name", ["answers_a_strange_text", "fails_strangely", "forges_lines", "leaves_files"])
def test_a_hostile_tool_with_effects_does_not_answer_for_the_next_call(name, tmp_path: Path):
    with Sandbox(CallLimits(confined=False)) as released:
        clean = released.run(tool("state"), {}).value["folder"]
        released.run(tool(name), {"outside": str(tmp_path)})
        assert released.run(tool("state"), {}).value["folder"] == clean == []


CALLER = """
import sys
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.sandbox import CallLimits, Sandbox
tool = Tool(name="never_ends", run=sys.argv[1], parameters={"type": "object"})
Sandbox(CallLimits(seconds=60)).run(tool, {"outside": "."})
"""


def test_nothing_is_left_of_a_command_that_is_killed_during_a_call(family, tmp_path: Path):
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CALLER, f"{ANSWERING}:never_ends"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as caller:
        assert wait_until(lambda: list(tmp_path.glob("temporary/*/*/left")))
        assert len(family.members()) == PROCESSES + 1
        caller.kill()
        assert wait_until(lambda: not family.members(), 5), family.members()
    assert list((tmp_path / "temporary").iterdir()) == []
