"""A named pipe that is given for a file, or that lies in a folder, is refused at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import fetch
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import check_folder
from toolmark.benchmark.data.held_out import held_out
from toolmark.benchmark.data.record import read_record
from toolmark.benchmark.readers.file_rows import read_text
from toolmark.benchmark.tools.sources.openapi_files import is_openapi
from toolmark.benchmark.tools.sources.yaml_document import YamlDocument

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")


@pytest.mark.parametrize(
    "read", [read_text, held_out, lambda path: YamlDocument(path).load()], ids=["rows", "manifest", "tools"]
)
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_a_pipe_is_no_file(tmp_path: Path, read: Callable[[Path], Any], name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="a named pipe or a device, not a file"):
        read(tmp_path / name)


def test_a_pipe_whose_content_is_optional_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "toolmark.json")
    assert read_record(tmp_path) is None
    assert is_openapi(tmp_path / "toolmark.json")


def test_a_pipe_in_the_folder_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"model\.safetensors cannot be read: it is a named pipe"):
        fetch(resolve(str(tmp_path)))
    (tmp_path / "traces" / "train").mkdir(parents=True)
    os.mkfifo(tmp_path / "traces" / "train" / "data.arrow")
    with pytest.raises(InputError, match=r"data\.arrow cannot be read"):
        check_folder(tmp_path / "traces", "**/*")
