"""Folders for the files of tool calls are removed, however deep they are, and whatever happened to their owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from toolmark.benchmark.tools.scratch_folders import ScratchFolder, remove_tree

OWNER = """
import signal
from toolmark.benchmark.tools.scratch_folders import ScratchFolder
folder = ScratchFolder()
(folder.path / "file").touch()
print(folder.path, flush=True)
signal.pause()
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no locks on folders")
def test_a_folder_is_removed_when_its_owner_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "outside").mkdir()
    (tmp_path / "toolmark-tools-link").symlink_to(tmp_path / "outside")
    (tmp_path / "outside" / "file").touch()
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        ScratchFolder().remove()
        assert (folder / "file").exists(), "the owner still lives"
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        ScratchFolder().remove()
    assert not folder.exists()
    assert (tmp_path / "outside" / "file").exists()


def test_a_tree_is_removed_that_is_deeper_than_a_path_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to(tmp_path)
    (top / "closed" / "closed").mkdir(parents=True)
    (top / "closed" / "closed").chmod(0)
    (top / "closed").chmod(0)
    monkeypatch.chdir(top)
    for _ in range(60):
        Path("deep" * 50).mkdir()
        os.chdir("deep" * 50)
    os.chdir(tmp_path)
    remove_tree(top)
    assert list(tmp_path.iterdir()) == []
