"""A `.env` of the current folder cannot change the requests of a served model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from inspect_ai._util.dotenv import init_dotenv

from toolmark.benchmark.engine.inspect_dotenv import mention_dotenv, without_dotenv


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.env` of the current folder, with an address, a key and another line."""
    for name in ("PROBE_BASE_URL", "PROBE_API_KEY", "PROBE_OTHER"):
        monkeypatch.setenv(name, "")  # so that the variable is removed after the test
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".env"
    file.write_text("PROBE_BASE_URL=http://127.0.0.1:9/v1\nPROBE_API_KEY=sk-of-somebody\nPROBE_OTHER=1\n")
    return file


def test_inspect_finds_no_dotenv(dotenv: Path) -> None:
    (dotenv.parent / "below").mkdir()
    os.chdir(dotenv.parent / "below")
    with without_dotenv():
        init_dotenv()
    assert not any(name.startswith("PROBE_") for name in os.environ)
    init_dotenv()
    assert os.environ["PROBE_BASE_URL"] == "http://127.0.0.1:9/v1", "Inspect no longer reads this file by itself"


def test_keys_and_addresses_that_are_not_used_are_mentioned_once(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mention_dotenv(dotenv.parent)
    mention_dotenv(dotenv.parent)
    said = capsys.readouterr().err
    assert said.count("PROBE_API_KEY, PROBE_BASE_URL in .env: not used") == 1
    assert "PROBE_OTHER" not in said
    assert "sk-of-somebody" not in said
    monkeypatch.setenv("PROBE_API_KEY", "mine")
    mention_dotenv.cache_clear()
    mention_dotenv(dotenv.parent)
    assert "toolmark: PROBE_BASE_URL in .env" in capsys.readouterr().err
