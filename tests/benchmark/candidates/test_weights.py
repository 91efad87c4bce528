"""Weights files that are not whole are refused before a model is loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import locate
from toolmark.benchmark.core.errors import InputError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n"


@pytest.mark.parametrize(
    ("content", "said"), [(POINTER, "git lfs pull"), (b"\xff" * 9, "not a complete"), (b"", "not a complete")]
)
@pytest.mark.parametrize("broken", ["base", "adapter"])
def test_a_file_that_is_not_whole(pocket: Path, tmp_path: Path, content: bytes, said: str, broken: str) -> None:
    folders = {name: tmp_path / name for name in ("base", "adapter")}
    for name, folder in folders.items():
        folder.mkdir()
        shutil.copyfile(pocket / "model.safetensors", folder / f"{name}.safetensors")
    whole = Candidate("local", "mine", str(folders["base"]), adapter=str(folders["adapter"]))
    assert locate(whole).adapter == folders["adapter"]
    (folders[broken] / f"{broken}.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=said):
        locate(whole)
