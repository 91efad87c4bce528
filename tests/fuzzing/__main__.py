"""Tries damaged inputs of some seeds: `python -m tests.fuzzing FIRST LAST [KIND…]`.

Without KIND, all kinds are tried. The findings are printed. Their folders are kept in a new temporary folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.forked.commands import WITH_TORCH, running
from tests.fuzzing.every_kind import KINDS
from tests.fuzzing.input_kinds import findings


def main() -> None:
    """Try the seeds from FIRST to LAST."""
    given = sys.argv[1:]
    if len(given) < 2 or not set(given[2:]) <= KINDS.keys():
        sys.exit(f"usage: python -m tests.fuzzing FIRST LAST [KIND…]\nthe kinds: {', '.join(map(repr, KINDS))}")
    seeds = range(int(given[0]), int(given[1]) + 1)
    folder = Path(tempfile.mkdtemp(prefix="fuzzing-"))
    (folder / "out").mkdir()
    os.environ["HF_HUB_OFFLINE"] = "1"
    with running(folder / "out", *WITH_TORCH) as commands:
        for name in given[2:] or KINDS:
            began = time.monotonic()
            found = findings(KINDS[name], commands, folder / "inputs", seeds)
            seconds = time.monotonic() - began
            alone = sum(one.alone for one in found)
            only = f" ({len(found) - alone} only in a batch)" if len(found) > alone else ""
            said = [one.text for one in found]
            said.append(f"{name}: {alone} findings{only} in {len(seeds)} tries, {seconds:.1f} s\n")
            sys.stdout.write("\n\n".join(said))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
