"""The ledger survives what happens to files."""

from __future__ import annotations

import gzip
import subprocess
import sys

import pytest

from benchmark.completions import Completion, Usage
from benchmark.errors import EnvironmentFault, InputError
from benchmark.runs.ledger import Ledger, read_ledger

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


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_torn_last_line_is_dropped_and_written_anew(tmp_path, cut):
    path = write(tmp_path / "run", "a", "b")
    path.write_bytes(path.read_bytes()[:-cut])
    with Ledger(path.parent) as ledger:
        assert set(ledger.recorded.completions) == {"a"}
        ledger.append([("b", "case-b", 1, HOSTILE)])
    assert set(read_ledger(path).completions) == {"a", "b"}


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = write(tmp_path / "run", "a", "b")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], '{"key": 1}', lines[2], ""]))
    with pytest.raises(InputError, match=r"ledger.jsonl:2 is no completion"):
        read_ledger(path)


def test_one_writer_at_a_time_and_a_killed_one_leaves_no_lock(tmp_path):
    folder = tmp_path / "run"
    code = "import sys, pathlib; from benchmark.runs.ledger import Ledger; held = Ledger(pathlib.Path(sys.argv[1]));"
    code += "print(1, flush=True); input()"
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
