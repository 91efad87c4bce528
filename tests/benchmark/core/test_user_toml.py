"""TOML of a user: what is no TOML is a ValueError, also for each file that contains TOML."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolmark.benchmark.candidates.recipes import read_recipe
from toolmark.benchmark.config.sources import from_pyproject
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.user_toml import toml_table
from toolmark.benchmark.data.held_out import held_out

BAD = ["a = " + "[" * 5_000, "a = " + "{a = " * 5_000, "a = " + "9" * 5_000, "a = 1\na = 2", "a"]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_toml(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):
        toml_table(text)
    file = tmp_path / "x.toml"
    file.write_text(text)
    for read in (read_recipe, held_out, lambda path: from_pyproject((), path)):
        with pytest.raises(InputError):
            read(file)


@pytest.mark.parametrize(
    "text", ["held_out_tools = 3", "held_out_tools = [1]", "test_queries = 3", "[test_queries]\nhashes = 'x'"]
)
def test_a_manifest_of_other_types(tmp_path: Path, text: str) -> None:
    (tmp_path / "M.toml").write_text(text)
    with pytest.raises(InputError, match="does not contain lists of strings"):
        held_out(tmp_path / "M.toml")


def test_a_pyproject_without_tables_has_no_options(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("\ufefftool = 3", encoding="utf-8")
    assert from_pyproject((), tmp_path / "pyproject.toml").raw == {}
