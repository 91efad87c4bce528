"""A world keeps its state over the calls of a conversation, and a bad world harms only its own conversation."""

from __future__ import annotations

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.tools.sandbox import CallLimits, Sandbox
from toolmark.benchmark.tools.toolbox_names import read_source
from toolmark.benchmark.tools.worlds.world_names import WorldNames
from toolmark.benchmark.tools.worlds.world_session import StateError, WorldSession, world_sandbox

COUNTER = '''
"""A counter, and what a bad world can do."""
from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Part, ToolError, World

calls = 0


class Step(Part):
    by: int


def odd(number: int) -> int:
    if number % 2 == 0:
        raise KeyError("this validator is wrong")
    return number


class Counter(World):
    total: int = 0
    steps: list[Step] = []
    note: str = ""

    def add(self, by: Annotated[int, Field(ge=1)]) -> int:
        """Add to the counter.

        Args:
            by: How much.
        """
        self.total += by
        self.steps.append(Step(by=by))
        if self.total > 5000:
            raise ToolError(f"The counter ends at 5000, not at {self.total}.")
        return self.total

    @effects("read")
    def last(self) -> Step:
        """Tell the last step."""
        return self.steps[-1]

    def loop(self) -> None:
        """Never end."""
        while True:
            self.total += 1

    def megabyte(self) -> str:
        """Tell a lot."""
        return "x" * 2**20

    def grow(self) -> None:
        """Keep a lot."""
        self.note = "x" * (2**20 + 1)

    def remember(self) -> int:
        """Keep something outside of the state."""
        global calls
        calls += 1
        return calls

    def leave(self) -> None:
        """End the process."""
        import os
        os._exit(3)

    def no_json(self) -> object:
        """Return what is not JSON."""
        return object()

    def take(self, number: Annotated[int, AfterValidator(odd)] = 2) -> None:
        """Take a number."""

    def spoil(self) -> str:
        """Keep what cannot be read back."""
        self.total = "many"
        return "done"

    def stop(self) -> None:
        """End Python."""
        raise SystemExit(0)

    def interrupt(self) -> None:
        """Do as if the user had pressed Ctrl-C."""
        raise KeyboardInterrupt

    def no_number(self) -> float:
        """Return NaN."""
        return float("nan")

    def keep_no_number(self) -> str:
        """Keep NaN."""
        self.total = float("nan")
        return "done"

    def digits(self) -> int:
        """Return a number that cannot be written."""
        return 10**4999

    def no_text(self) -> str:
        """Return what is not Unicode."""
        return chr(0xD800)

    def complain(self) -> str:
        """Refuse at length."""
        raise ToolError(chr(0xD800) + "x" * 900_000)

    def _hidden(self) -> None: ...
'''


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "counting.py"
    path.write_text(COUNTER)
    return f"{path}:Counter"


@pytest.fixture(scope="module")
def sandbox():
    with world_sandbox(CallLimits(seconds=0.5)) as opened:
        yield opened


def call(name: str, **arguments: object) -> Call:
    return Call(name=name, arguments=arguments)


def test_calls_share_the_state_and_a_failed_call_changes_nothing(source, sandbox):
    session = WorldSession(WorldNames(source).resolve("Counter"), {"total": 10}, sandbox)
    assert session.call(call("add", by=5)).value == 15
    assert session.call(call("last")).value == {"by": 5}
    after = {"total": 15, "steps": [{"by": 5}], "note": ""}
    assert session.state == after
    refused = session.call(call("add", by=4990))
    assert (refused.kind, refused.error) == ("error", "The counter ends at 5000, not at 5005.")
    assert refused.text == '{"error": "The counter ends at 5000, not at 5005."}'
    assert session.call(call("add", by=1, note="x" * 2**16)).error.startswith("the arguments have 65557 bytes, but at")
    assert session.call(call("add", by=0)).error == "/by: 0 is less than the minimum of 1"
    assert session.call(call("state")).error.startswith("There is no tool 'state'. The tools are: add, last,")
    assert session.call(call("last"), offered=["add"]).error == "There is no tool 'last'. The tools are: add."
    assert session.state == after


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("loop", "timeout", "took longer than 0.5 s"),
        ("last", "crash", "the world has a defect: IndexError: list index out of range"),
        ("megabyte", "too_large", "the result has 1048578 bytes, but at most 262144 are allowed"),
        ("grow", "too_large", "the state has 1048614 bytes, but at most 1048576 are allowed"),
        ("leave", "crash", "the process of the call ended with status 3"),
        ("no_json", "crash", "the world has a defect: PydanticSerializationError"),
        ("take", "crash", "KeyError: 'this validator is wrong'"),
        ("spoil", "crash", "the world has a defect: the state after the call cannot be read back: total: Input should"),
        ("stop", "crash", "the world has a defect: SystemExit: 0"),
        ("interrupt", "crash", "the world has a defect: KeyboardInterrupt"),
        ("no_number", "crash", "the world has a defect: ValueError: Out of range float values are not JSON compliant"),
        ("keep_no_number", "crash", "the world has a defect: "),
        ("digits", "crash", "the world has a defect: ValueError: Exceeds the limit (4300 digits)"),
        ("no_text", "crash", "the world has a defect: UnicodeEncodeError"),
    ],
)
def test_a_bad_world_is_contained(source, sandbox, name, kind, reason):
    session = WorldSession(WorldNames(source).resolve("Counter"), {}, sandbox)
    result = session.call(call(name, **({"number": 2} if name == "take" else {})))
    assert (result.kind, result.error[: len(reason)]) == (kind, reason)
    assert session.state == {"total": 0, "steps": [], "note": ""}
    assert session.call(call("add", by=1)).value == 1


def test_a_long_refusal_is_cut(source, sandbox):
    refused = WorldSession(WorldNames(source).resolve("Counter"), {}, sandbox).call(call("complain"))
    assert (refused.kind, len(refused.error), refused.error[:8]) == ("error", 500, r"\ud800xx")


@pytest.mark.parametrize("times", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_conversations_side_by_side_and_many_calls(sandbox, times):
    bank = WorldNames().resolve("bank")
    state = {"accounts": {"checking": {"balance": 10}}}
    one, other = WorldSession(bank, state, sandbox), WorldSession(bank, state, sandbox)
    for number in range(times):
        assert one.call(call("set_account_frozen", account="checking", frozen=number % 2 == 0)).kind == "ok"
    assert one.call(call("set_account_frozen", account="checking", frozen=True)).kind == "ok"
    assert one.state["accounts"]["checking"]["frozen"] is True
    assert other.state["accounts"]["checking"]["frozen"] is False


def test_nothing_outlasts_a_call_except_the_state(source, sandbox):
    session = WorldSession(WorldNames(source).resolve(source), {}, sandbox)
    assert [session.call(call("remember")).value for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"total": "many"}, "total: Input should be a valid integer"),
        ({"sum": 1}, "sum: Extra inputs are not permitted"),
        ([1], "Input should be"),
        ({"steps": [{"by": 1}] * 2**17}, "The state has 1441803 bytes"),
    ],
)
def test_a_wrong_state_is_refused(source, sandbox, state, reason):
    with pytest.raises(StateError, match=reason):
        WorldSession(WorldNames(source).resolve("Counter"), state, sandbox)


def test_tools_of_a_world_have_no_self_and_do_not_run_without_a_state(source, tmp_path):
    read = read_source(source)
    assert read.toolboxes == {"Counter": tuple(tool.name for tool in read.tools)}
    add, last = read.tools[:2]
    assert (add.name, add.effects, last.effects) == ("add", "write", "read")
    assert add.parameters["properties"] == {"by": {"type": "integer", "minimum": 1, "description": "How much."}}
    path = tmp_path / "tools.yaml"
    path.write_text("tools:\n- {name: add, description: Add, run: 'counting.py:Counter.add'}")
    assert read_source(path).tools[0].run == add.run
    with Sandbox() as sandbox:
        assert sandbox.run(add, {"by": 1}).kind == "no_implementation"


def test_a_file_cannot_name_code_and_mistakes_are_told(source, tmp_path):
    with pytest.raises(InputError, match=r"There is no world .*If you trust the code of this world, name it: --tools"):
        WorldNames().resolve(source)
    with pytest.raises(InputError, match=r"There is no world 'banc'\. .*bank"):
        WorldNames().resolve("banc")
    with pytest.raises(InputError, match=r"has no class Count that is derived from World.*Counter"):
        read_source(source.removesuffix("er"))
    with pytest.raises(InputError, match=r"There is no file .*none\.py"):
        read_source(f"{tmp_path}/none.py:World")


def test_the_code_of_a_world_is_all_local_code_that_it_runs(tmp_path, monkeypatch):
    """Answers are reused only while this code is the same."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_rules").mkdir()
    files = {
        "own_world.py": "import json, pydantic\nfrom own_base import Base\nclass Own(Base):\n    pass\n",
        "own_base.py": "from toolmark.benchmark.tools.worlds.world import World\nfrom own_rules import step\n"
        'class Base(World):\n    n: int = 0\n    def bump(self) -> int:\n        """Bump."""\n        import own_late\n'
        "        return step.STEP\n",
        "own_rules/__init__.py": "",
        "own_rules/step.py": "from . import deep\nSTEP = 1\n",
        "own_rules/deep.py": "",
        "own_late.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "own_other.py").write_text("")

    def code() -> str:
        return WorldNames(f"{tmp_path / 'own_world.py'}:Own").resolve("Own").code

    seen = {code()}
    for name in files:
        with (tmp_path / name).open("a") as file:
            file.write("# changed\n")
        assert code() not in seen, name
        seen.add(code())
    (tmp_path / "own_other.py").write_text("# changed\n")
    assert code() in seen
    assert len({WorldNames().resolve(name).code for name in ("bank", "shop")}) == 2
