"""Kinds of inputs, for example files of cases. Damaged inputs of a kind are given to a command.

A finding is a traceback, an exit code of a defect, a process that does not end, one that is killed, or one that needs
too much memory.

A process reads a batch of inputs, one after the other, because a process for each input takes ten times as long as most
inputs. An input can leave something behind in the process: modules, open files, threads, memory. So an input that is
wrong in a batch is tried again alone, in a process of its own. Only an input that is wrong alone is a fault of the
command. One that is wrong only in a batch is reported as such: something that an earlier input left behind may be the
reason. The opposite is possible, too: an input that would be wrong alone is right in a batch because of what an earlier
input left behind. `FUZZING_BATCH=1` makes batches of one input.
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

from tests.forked.commands import Commands, Ended

__all__ = ["Finding", "InputKind", "findings"]

_RIGHT_CODES = (0, 1, 4, 5, 69)
_CPU_SECONDS = 10
_WALL_SECONDS = 60
_MOST_GROWTH = 1 << 30
_AT_ONCE = int(os.environ.get("FUZZING_AT_ONCE", "2"))
_BATCH = int(os.environ.get("FUZZING_BATCH", "20"))
_CONTROLS = frozenset(map(chr, {*range(32), *range(127, 160)} - set(map(ord, "\n\r\t"))))


@dataclass(frozen=True, slots=True)
class InputKind:
    """One kind of inputs.

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


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that was read wrongly.

    Attributes:
        text: The seed, what was wrong, the command and its output.
        alone: Whether it was wrong in a process of its own, and not only in a batch.
    """

    text: str
    alone: bool


def findings(kind: InputKind, commands: Commands, folder: Path, seeds: Iterable[int]) -> list[Finding]:
    """Try the inputs of these seeds.

    Only the folders of inputs that were wrong alone are kept.
    """
    whole = list(seeds)
    batches = [whole[start : start + _BATCH] for start in range(0, len(whole), _BATCH)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [found for batch in pool.map(partial(_tried, kind, commands, folder), batches) for found in batch]


def _tried(kind: InputKind, commands: Commands, folder: Path, seeds: Sequence[int]) -> list[Finding]:
    inputs = [_input(kind, folder, seed) for seed in seeds]
    limits = {"growth": _MOST_GROWTH, "cpu_seconds": _CPU_SECONDS, "seconds": _WALL_SECONDS}
    ended, process = commands.one_after_the_other(inputs, **limits)
    if len(ended) == len(seeds) and _fault(process) is not None:
        ended = []  # The process failed when it ended. Every input can be the reason.
    found = []
    # The input after the last one that ended is the one that ended the process. The inputs after it were not read.
    outcomes = [*ended, process]
    for number, (seed, (arguments, own, _)) in enumerate(zip(seeds, inputs, strict=True)):
        one = outcomes[number] if number < len(outcomes) else None
        fault = None if one is None else _fault(one)
        shutil.rmtree(own)
        if fault is None and number < len(ended):
            continue
        if (alone := _tried_alone(kind, commands, folder, seed)) is not None:
            found.append(alone)
        elif one is not None and fault is not None:
            fault += f", only in the batch of the seeds {seeds[0]} to {seeds[-1]}"
            found.append(Finding(_text(kind, seed, fault, own, arguments, one.said), alone=False))
    return found


def _tried_alone(kind: InputKind, commands: Commands, folder: Path, seed: int) -> Finding | None:
    arguments, own, environment = _input(kind, folder, seed)
    limits = {"growth": _MOST_GROWTH, "cpu_seconds": _CPU_SECONDS}
    started = commands.start("toolmark", *arguments, cwd=own, environment=environment, **limits)
    try:
        ended = started.wait(_WALL_SECONDS)
        fault, said = _fault(ended), ended.said
    except subprocess.TimeoutExpired:
        fault, said = f"no end in {_WALL_SECONDS} s", ""
    if fault is None:
        shutil.rmtree(own)
        return None
    return Finding(_text(kind, seed, fault, own, arguments, said), alone=True)


def _input(kind: InputKind, folder: Path, seed: int) -> tuple[Sequence[str], Path, Mapping[str, str]]:
    """Write an input, and return the arguments, the folder and the environment of the command that reads it."""
    own = folder / f"{kind.name.replace(' ', '-')}-{seed}"
    own.mkdir(parents=True)
    return kind.make(Random(f"{kind.name} {seed}"), own), own, {**os.environ, **kind.environment()}


def _text(kind: InputKind, seed: int, fault: str, own: Path, arguments: Sequence[str], said: str) -> str:
    return f"{kind.name}, seed {seed}: {fault}\nin {own}: toolmark {' '.join(arguments)}\n{said[-3000:]}"


def _fault(ended: Ended) -> str | None:
    code, said = ended.returncode, ended.said
    if code < 0:
        return f"killed by signal {-code} (24 is the limit of {_CPU_SECONDS} s on a processor, 14 of {_WALL_SECONDS} s)"
    if "Traceback (most recent call last)" in said or "MemoryError" in said:
        return "a traceback"
    if code not in _RIGHT_CODES:
        return f"exit code {code}"
    if controls := _CONTROLS & set(said):
        return f"control characters in the output: {sorted(controls)}"
    return None
