"""Commands of toolmark, for the tests of the generators."""

from __future__ import annotations

import pytest

from tests.forked.commands import Commands


@pytest.fixture(scope="session")
def toolmark(warm: Commands) -> Commands:
    """`toolmark("generate", …)` runs a command in a process of its own."""
    return warm
