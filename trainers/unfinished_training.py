"""Makes sure that only the training that was interrupted is resumed.

A trainer uses what it finds in the folder of the weights: checkpoints, sampled answers, and other intermediate files.
So the folder also says what these files belong to: base, data, seed, options, and dev cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from toolmark.benchmark.core.errors import InputError
from toolmark.trainers.json_files import read_json, write_json

__all__ = ["UNFINISHED_FILE", "check_resumed"]

UNFINISHED_FILE = "unfinished.json"
"""Name of the file that describes an unfinished training, in the folder of its weights."""


def check_resumed(out: Path, training: Mapping[str, JsonValue]) -> None:
    """Check that `out` contains no other unfinished training. Then note that `out` belongs to this training.

    Args:
        out: Folder of the weights.
        training: What influences the weights, by name.

    Raises:
        InputError: `out` contains an unfinished training in which another value influenced the weights.
    """
    file = out / UNFINISHED_FILE
    before = read_json(file)
    if not before:
        write_json(file, training)
        return
    if differing := sorted(key for key in before.keys() | training.keys() if before.get(key) != training.get(key)):
        raise InputError(
            f"{str(out)!r} contains an unfinished training with other values of {', '.join(differing)}",
            "To resume this training, give its options again. To start a new training, give another --out, or remove "
            "this folder.",
        )
