"""A door is a way in which an input reaches Toolmark. Damaged inputs are tried at a door, each in a process of its own.

A finding is a traceback, an exit code of a defect, a process that does not end, one that is killed, or one that needs
too much memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from tests.forked.commands import Commands

__all__ = ["Door", "findings"]

_RIGHT_CODES = (0, 1, 4, 5, 69)
_CPU_SECONDS = 10
_WALL_SECONDS = 60
_MOST_GROWTH = 1 << 30
_AT_ONCE = int(os.environ.get("FUZZING_AT_ONCE", "2"))
_CONTROLS = frozenset(map(chr, {*range(32), *range(127, 160)} - set(map(ord, "\n\r\t"))))


@dataclass(frozen=True, slots=True)
class Door:
    """One door.

    Attributes:
        name: In the names of tests.
        make: Writes a damaged input to a folder, and returns the arguments of `toolmark` that read it.
        quick: Number of inputs that the quick test tries.
        environment: Returns variables that the command gets besides those of this process.
    """

    name: str
    make: Callable[[Random, Path], Sequence[str]]
    quick: int = 2
    environment: Callable[[], Mapping[str, str]] = dict


def findings(door: Door, commands: Commands, folder: Path, seeds: Iterable[int]) -> list[str]:
    """Try the inputs of these seeds, and return a text for each finding: the seed, the command and its output.

    Only the folders of findings are kept.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [found for found in pool.map(partial(_tried, door, commands, folder), seeds) if found is not None]


def _tried(door: Door, commands: Commands, folder: Path, seed: int) -> str | None:
    own = folder / f"{door.name.replace(' ', '-')}-{seed}"
    own.mkdir(parents=True)
    arguments = door.make(Random(f"{door.name} {seed}"), own)
    environment = {**os.environ, **door.environment()}
    limits = {"growth": _MOST_GROWTH, "cpu_seconds": _CPU_SECONDS}
    started = commands.start("toolmark", *arguments, cwd=own, environment=environment, **limits)
    try:
        ended = started.wait(_WALL_SECONDS)
        fault = _fault(ended.returncode, ended.said)
        said = ended.said
    except subprocess.TimeoutExpired:
        fault, said = f"no end in {_WALL_SECONDS} s", ""
    if fault is None:
        shutil.rmtree(own)
        return None
    return f"{door.name}, seed {seed}: {fault}\nin {own}: toolmark {' '.join(arguments)}\n{said[-3000:]}"


def _fault(code: int, said: str) -> str | None:
    if code < 0:
        return f"killed by signal {-code} (24 is the limit of {_CPU_SECONDS} s)"
    if "Traceback (most recent call last)" in said or "MemoryError" in said:
        return "a traceback"
    if code not in _RIGHT_CODES:
        return f"exit code {code}"
    if controls := _CONTROLS & set(said):
        return f"control characters in the output: {sorted(controls)}"
    return None
