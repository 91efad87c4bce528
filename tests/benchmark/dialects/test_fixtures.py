"""The exact texts that models of nine families emit are read as the fixtures of canitoolcall prescribe."""

from __future__ import annotations

import pytest

pytest.importorskip("canitoolcall", reason="a development dependency: pip install -e '.[dev]'")

from studies.dialects import LEAST, OUT, REASONS, readings, write


def test_the_fixtures_are_read_as_they_prescribe_and_the_page_says_where_not() -> None:
    found = list(readings())
    otherwise = {one.fixture.id: one.found for one in found if not one.right}
    assert otherwise.keys() == REASONS.keys(), otherwise
    assert len(found) - len(otherwise) >= LEAST
    assert OUT.read_text(encoding="utf-8") == "\n".join(write(found).text)
