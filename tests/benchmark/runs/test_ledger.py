"""The ledger survives what happens to files."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.completions import Completion, Usage
from toolmark.benchmark.runs.ledger import Ledger, read_ledger

HOSTILE = Completion('line\nbreak \u2028 \ud800 "quoted"', stop_reason="length", usage=Usage(3, 512))


def write(folder, *keys):
    with Ledger(folder) as ledger:
        ledger.open_session({"identity": {}, "environment": {}})
        ledger.append((key, f"case-{key}", 1, HOSTILE) for key in keys)
    return ledger.path


def test_what_is_written_is_read_again_also_from_gzip(tmp_path):
    path = write(tmp_path / "run", "a", "b")
    packed = tmp_path / "ledger.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for read in (read_ledger(path), read_ledger(packed)):
        assert read.completions == {"a": HOSTILE, "b": HOSTILE}
        assert read.by_case["case-a", 1] == HOSTILE
        assert len(read.runs) == 1


def test_seconds_and_cost_are_kept_beside_tokens_and_may_be_missing(tmp_path):
    timed = replace(HOSTILE, usage=Usage(3, 512, seconds=0.25, cost=1e-5))
    with Ledger(tmp_path / "run") as ledger:
        ledger.open_session({"identity": {}, "environment": {}})
        ledger.append([("a", "case-a", 1, timed), ("b", "case-b", 1, HOSTILE)])
    read = read_ledger(ledger.path).completions
    assert [(read[key].usage.seconds, read[key].usage.cost) for key in "ab"] == [(0.25, 1e-5), (None, None)]
    assert read["a"] == HOSTILE  # the same completion, however long it took
    assert b'"seconds": null' not in ledger.path.read_bytes()


@pytest.mark.parametrize("cut", [2, 7, 40])
def test_a_torn_last_line_is_dropped_and_written_anew(tmp_path, cut):
    path = write(tmp_path / "run", "a", "b")
    path.write_bytes(path.read_bytes()[:-cut])
    with Ledger(path.parent) as ledger:
        assert set(ledger.recorded.completions) == {"a"}
        ledger.append([("b", "case-b", 1, HOSTILE)])
    assert set(read_ledger(path).completions) == {"a", "b"}


def test_a_last_line_without_its_newline_is_kept(tmp_path):
    path = write(tmp_path / "run", "a", "b")
    path.write_bytes(path.read_bytes()[:-1])
    with Ledger(path.parent) as ledger:
        assert set(ledger.recorded.completions) == {"a", "b"}
        ledger.append([("c", "case-c", 1, HOSTILE)])
    assert set(read_ledger(path).completions) == {"a", "b", "c"}


def test_the_target_of_a_link_is_never_written(tmp_path):
    target = write(tmp_path / "other", "a", "b")
    target.write_bytes(target.read_bytes()[:-7])
    before = target.read_bytes()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ledger.jsonl").symlink_to(target)
    with Ledger(tmp_path / "run") as ledger:
        assert set(ledger.recorded.completions) == {"a"}
        ledger.append([("b", "case-b", 1, HOSTILE)])
    assert target.read_bytes() == before
    assert set(read_ledger(ledger.path).completions) == {"a", "b"}


def test_a_packed_file_cannot_unpack_to_gigabytes(tmp_path):
    path = tmp_path / "ledger.jsonl.gz"
    path.write_bytes(gzip.compress(b"\0" * 10_000_000, 1) * 30)
    with pytest.raises(InputError, match="more than 256 MB"):
        read_ledger(path)
    if sys.platform == "linux":
        with pytest.raises(InputError, match="a named pipe or a device"):
            read_ledger(Path("/dev/zero"))


WRONG = {
    "epoch": (10**9, 0, -1, True, 1.0, "1"),
    "tool_calls": ("f", {"name": "f"}, [{"name": 1, "arguments": "{}"}], [{"name": "f", "arguments": {}}]),
    "usage": ({"input_tokens": -1, "output_tokens": 0}, {"input_tokens": 10**30}, {"seconds": 10**400}, {"cost": "1"}),
    "text": (None, 5),
    "stop_reason": ("tired", None, []),
    "case_id": (None, ["a"]),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_line_with_a_wrong_value_is_named(tmp_path, name, value):
    path = write(tmp_path / "run", "a")
    row = {"key": "b", "case_id": "case-b", "epoch": 1, **HOSTILE.as_json()}
    path.write_text(path.read_text() + json.dumps({**row, name: value}) + "\n")
    with pytest.raises(InputError, match=r"ledger\.jsonl:3 is not a completion"):
        read_ledger(path)
    with Ledger(path.parent) as ledger:
        assert set(ledger.recorded.completions) == {"a"}


BROKEN = [
    pytest.param(b'{"key": 1}', id="no completion"),
    pytest.param(b'{"key": "a", "case_id": "case-a", "ep', id="cut in the middle of a line"),
    pytest.param(b"\x00" * 512, id="zeros"),
    pytest.param(b'{"text": "\xff\xfe"}', id="not UTF-8"),
    pytest.param(b"[" * 100_000, id="nested too deep"),
    pytest.param(b'"a run"', id="a string with the word run"),
    pytest.param(b'{"run": 5}', id="a run that is a number"),
    pytest.param(
        b'{"run": {"identity": {"weights": ' + b"[" * 300 + b"]" * 300 + b'}, "environment": {}}}',
        id="a run that is nested too deep",
    ),
    pytest.param(
        b'{"key": "a", "case_id": "case-a", "epoch": 1, "text": "", "tool_calls": [], "stop_reason": "stop", '
        b'"usage": {"input_tokens": "many", "output_tokens": 0}}',
        id="tokens that are words",
    ),
    pytest.param(
        b'{"key": "a", "case_id": "case-a", "epoch": 1, "text": "", "tool_calls": [], "stop_reason": "stop", '
        b'"usage": {"input_tokens": 1, "output_tokens": 0, "seconds": NaN}}',
        id="seconds that are no number",
    ),
]


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_stops_a_reader_and_is_set_aside_by_the_writer(tmp_path, line):
    path = write(tmp_path / "run", "a", "b", "c")
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], line, *lines[2:], b""]))
    with pytest.raises(InputError, match=r"ledger.jsonl:2 is not a completion"):
        read_ledger(path)
    with Ledger(path.parent) as ledger:
        assert set(ledger.recorded.completions) == {"b", "c"}
        (note,) = ledger.notes
        assert f"{path}:2" in note
        ledger.append([("a", "case-a", 1, HOSTILE)])
    assert set(read_ledger(path).completions) == {"a", "b", "c"}
    assert (path.parent / "ledger.broken.jsonl").read_bytes() == line + b"\n"
    with Ledger(path.parent) as ledger:
        assert ledger.notes == ()


def test_a_packed_ledger_that_is_cut_or_overwritten_is_named(tmp_path):
    packed = gzip.compress(write(tmp_path / "run", "a", "b").read_bytes())
    for content in (packed[:-20], packed[:40] + b"x" * 20 + packed[60:], b"no gzip"):
        (tmp_path / "ledger.jsonl.gz").write_bytes(content)
        with pytest.raises(InputError, match=r"ledger.jsonl.gz cannot be read"):
            read_ledger(tmp_path / "ledger.jsonl.gz")


FILL = """
import sys, pathlib
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.runs.ledger import Ledger, read_ledger

folder, written = pathlib.Path(sys.argv[1]), 0
try:
    with Ledger(folder) as ledger:
        ledger.open_session({"identity": {}, "environment": {}})
        while written < 1000:
            ledger.append([(str(written), str(written), 1, Completion("x" * 1000))])
            written += 1
except EnvironmentFault as fault:
    assert str(folder) in str(fault) and "No space left" in str(fault) and "same command again" in str(fault), fault
assert 0 < written < 1000
assert len(read_ledger(folder / "ledger.jsonl").completions) == written
assert not (folder / "ledger.jsonl").read_bytes().endswith(b"\\n")
(folder.parent / "ballast").unlink()
with Ledger(folder) as ledger:
    assert len(ledger.recorded.completions) == written
    ledger.append([("last", "last", 1, Completion(""))])
assert len(read_ledger(folder / "ledger.jsonl").completions) == written + 1
"""


def test_a_full_disk_loses_nothing_and_leaves_a_ledger_to_go_on_with(tmp_path):
    """On a file system of 64 KB."""
    mounted = f"mount -t tmpfs -o size=64k none {tmp_path} && "
    private = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*private, mounted + "true"], check=False).returncode != 0:
        pytest.skip("this machine lets nobody mount a small file system")
    script = mounted + 'head -c 8192 /dev/zero > "$1/ballast" && exec "$2" -c "$3" "$1/run"'
    run = subprocess.run(
        [*private, script, "sh", str(tmp_path), sys.executable, FILL], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_one_writer_at_a_time_and_a_killed_one_leaves_no_lock(tmp_path):
    folder = tmp_path / "run"
    code = "import sys, pathlib; from toolmark.benchmark.runs.ledger import Ledger;"
    code += "held = Ledger(pathlib.Path(sys.argv[1])); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(EnvironmentFault, match="another run is writing"):
            Ledger(folder)
        other.kill()
    with Ledger(folder) as ledger:
        assert ledger.recorded.completions == {}
