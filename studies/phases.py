"""Runs `pytest suites/` in this process, and measures the time of each phase.

    python -m studies.phases SPEC.json OUT.json

SPEC contains additional `arguments` of pytest. OUT contains the seconds of each phase, and the seconds since the start
of the process.
"""

from __future__ import annotations

import builtins
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from studies.clock import Clock
from studies.peak_memory import peak_bytes

ENGINE = ("importing torch and transformers", "opening the model", "encoding", "answering")
"""The phases of the engine."""

_OTHER_IMPORTS = "other imports"
_PLACES = (
    ("toolmark.benchmark.evaluation.evaluate", "load_cases", "reading cases"),
    ("toolmark.benchmark.evaluation.evaluate", "generate", "rendering prompts, computing keys"),
    ("toolmark.benchmark.engine.engines:Engines", "open", "opening the model"),
    ("toolmark.benchmark.engine.local_engine:LocalEngine", "environment", "opening the model"),
    ("toolmark.benchmark.engine.local_engine:LocalEngine", "prepare", "encoding"),
    ("toolmark.benchmark.engine.local_engine:LocalEngine", "answer", "answering"),
    ("toolmark.benchmark.runs.ledger:Ledger", "_append", "ledger"),
    ("toolmark.benchmark.evaluation.evaluate", "judge", "Inspect and its log"),
    ("toolmark.benchmark.runs.inspect_task", "grade", "scoring"),
    ("toolmark.benchmark.evaluation.evaluate", "compare_sides", "figures and verdicts"),
    ("toolmark.benchmark.scoring.gold:GoldProof", "faults", "checking the expected answers"),
    ("toolmark.reports.terminal:Terminal", "render", "summary"),
)


def _time_imports(clock: Clock) -> None:
    """Measure the time of imports. An import inside a phase of the engine counts for the engine."""
    for owner, name in ((builtins, "__import__"), (importlib, "import_module")):
        work = getattr(owner, name)

        def counted(*arguments: Any, work: Any = work, **named: Any) -> Any:
            with clock.within(ENGINE[0] if clock.inside(ENGINE) else _OTHER_IMPORTS):
                return work(*arguments, **named)

        setattr(owner, name, counted)


def main(out: Path, arguments: list[str]) -> int:
    """Run pytest, and write OUT. Return the exit code of pytest."""
    clock = Clock()
    with clock.within("pytest itself"):
        _time_imports(clock)
        import pytest

        for place, name, label in _PLACES:
            module, _, owner = place.partition(":")
            found = importlib.import_module(module)
            clock.wrap(getattr(found, owner) if owner else found, name, label)
        code = int(pytest.main(["suites/", "-p", "no:cacheprovider", *arguments]))
    whole = time.time() - psutil.Process().create_time()
    seconds = {**clock.seconds, "starting Python": whole - sum(clock.seconds.values())}
    out.write_text(json.dumps({"whole": whole, "phases": seconds, "peak": peak_bytes(), "code": code}))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[2]), json.loads(Path(sys.argv[1]).read_text())["arguments"]))
