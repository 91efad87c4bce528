"""Damaged inputs at every door: each is read, or refused in words. None shows a traceback, hangs or takes much memory.

This tries the inputs of some seeds again, and keeps their folders: `python -m tests.fuzzing FIRST LAST DOOR`
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forked.commands import Commands
from tests.fuzzing.doors import findings
from tests.fuzzing.every_door import DOORS

SLOW_TRIES = 100
"""Takes minutes. `make fuzz` tries 2,000 inputs a door, which takes hours."""


def _found(name: str, commands: Commands, folder: Path, tries: int) -> list[str]:
    """Return the findings that are no consequence of earlier inputs in the same process."""
    return [one.text for one in findings(DOORS[name], commands, folder, range(tries)) if one.alone]


@pytest.mark.parametrize("name", DOORS)
def test_a_few_damaged_inputs(name: str, warm: Commands, tmp_path: Path) -> None:
    found = _found(name, warm, tmp_path, DOORS[name].quick)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", DOORS)
def test_many_damaged_inputs(name: str, warm: Commands, tmp_path: Path) -> None:
    found = _found(name, warm, tmp_path, SLOW_TRIES)
    assert not found, f"{len(found)} findings\n" + "\n\n".join(found[:20])
