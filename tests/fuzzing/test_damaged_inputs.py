"""Damaged inputs of every kind: each is read, or refused in words. None shows a traceback, hangs or takes much memory.

This tries the inputs of some seeds again, and keeps their folders: `python -m tests.fuzzing FIRST LAST KIND`
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forked.commands import Commands
from tests.fuzzing.every_kind import KINDS
from tests.fuzzing.input_kinds import findings

SLOW_TRIES = 100
"""Takes minutes. `make fuzz` tries 2,000 inputs of each kind, which takes hours."""


def _found(name: str, commands: Commands, folder: Path, tries: int) -> list[str]:
    """Return the findings that are no consequence of earlier inputs in the same process."""
    return [one.text for one in findings(KINDS[name], commands, folder, range(tries)) if one.alone]


@pytest.mark.parametrize("name", KINDS)
def test_a_few_damaged_inputs(name: str, warm: Commands, tmp_path: Path) -> None:
    found = _found(name, warm, tmp_path, KINDS[name].quick)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_inputs(name: str, warm: Commands, tmp_path: Path) -> None:
    found = _found(name, warm, tmp_path, SLOW_TRIES)
    assert not found, f"{len(found)} findings\n" + "\n\n".join(found[:20])
