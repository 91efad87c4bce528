"""Runs a command of toolmark again and again, killing it after a few more replies each time.

    python killed.py KILLS LEDGER ARGUMENT…

Each try is a fork of this process, so that the libraries are imported once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from random import Random

import inspect_ai.model  # noqa: F401 - imported before the forks

from benchmark.cli import main


def lines(ledger: Path) -> int:
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


if __name__ == "__main__":
    kills, ledger, rng = int(sys.argv[1]), Path(sys.argv[2]), Random(3)
    sys.argv = ["toolmark", *sys.argv[3:]]
    for _ in range(kills):
        wanted = lines(ledger) + rng.randint(1, 9)
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            main()
            os._exit(0)
        while lines(ledger) < wanted:
            time.sleep(0.005)
            if os.waitpid(child, os.WNOHANG)[0]:
                sys.exit("the command ended before it was killed often enough")
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    main()
