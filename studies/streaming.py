"""Measures the memory and the time for a large template data set.

    python -m studies.streaming [--count 100000]

The exit code is 1 if one process needed more than 1 GB of memory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studies.peak_memory import peak_bytes

GIGABYTE = 1e9


def main() -> None:
    """Generate the data set in a separate process, and print the time and the peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="conversations proposed")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "data"
        toolmark = str(Path(sys.executable).with_name("toolmark"))
        started = time.monotonic()
        command = [toolmark, "generate", "template", "--count", str(count), "--out", str(out)]
        subprocess.run(command, check=True)
        seconds = time.monotonic() - started
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    held = peak_bytes(resource.RUSAGE_CHILDREN)
    sys.stdout.write(
        f"{count:,} proposed: {held / 1e6:,.0f} MB at most in one process, {size / 1e6:,.0f} MB written, "
        f"{seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor time\n"
    )
    sys.exit(0 if held < GIGABYTE else 1)


if __name__ == "__main__":
    main()
