"""Measures other tools. Each tool has its own Python environment. Each measurement has its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["ENVIRONMENTS", "Measured", "environment", "measure"]

ROOT = Path(__file__).parents[1]
LOOPS = Path(__file__).with_name("peer_loops.py")

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "transformers": ("torch==2.13.0", "transformers==5.23.0", "accelerate==1.15.0"),
    "inspect": ("inspect_ai==0.3.285", "torch==2.13.0", "transformers==5.23.0", "accelerate==1.15.0"),
    "lm-eval": ("lm-eval==0.4.12", "torch==2.13.0", "transformers==5.23.0", "accelerate==1.15.0"),
    "llama.cpp": ("xllamacpp==2026.10.11549",),
}
"""The packages of each environment. If this list changes, the environment is made again."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of one measurement.

    Attributes:
        seconds: Seconds of each repetition.
        texts: The generated text of each row.
        peak: Peak memory of the process, in bytes.
        more: Other values from the process.
    """

    seconds: tuple[float, ...]
    texts: tuple[str, ...]
    peak: int
    more: Mapping[str, Any]


def environment(name: str, cache: Path, pip: Sequence[str] = ()) -> Path:
    """Return the interpreter of an environment. If the environment is missing or has other packages, make it.

    Args:
        name: A key of `ENVIRONMENTS`.
        cache: Folder of all environments.
        pip: Additional arguments of `pip install`, for example the index of a CPU build of torch.
    """
    folder = cache / name
    python = folder / "bin" / "python"
    stamp = folder / "installed.json"
    wanted = json.dumps(ENVIRONMENTS[name])
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    sys.stderr.write(f"making {folder}: {' '.join(ENVIRONMENTS[name])}\n")
    venv.create(folder, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "--quiet", *pip, *ENVIRONMENTS[name]]
    subprocess.run(install, check=True)
    stamp.write_text(wanted)
    return python


def measure(command: Sequence[str], spec: Mapping[str, Any], timeout: float = 3600) -> Measured:
    """Run `COMMAND SPEC OUT` in a new process, and read OUT.

    Raises:
        RuntimeError: The process failed. The message contains the end of the output of the process.
    """
    with TemporaryDirectory() as folder:
        asked, out = Path(folder) / "spec.json", Path(folder) / "out.json"
        asked.write_text(json.dumps(spec))
        threads = str(spec["threads"])
        variables = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
        run = subprocess.run(
            [*command, str(asked), str(out)],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if run.returncode or not out.is_file():
            raise RuntimeError(f"{' '.join(command)}: {run.stderr[-2000:]}")
        found = json.loads(out.read_text())
    return Measured(tuple(found.pop("seconds", ())), tuple(found.pop("texts", ())), int(found.pop("peak")), found)
