"""Commands of toolmark, for the tests of the generators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.forked.commands import GENERATING, Toolmark, running


@pytest.fixture(scope="session")
def toolmark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolmark]:
    """`toolmark("generate", …)` runs a command in a process of its own."""
    with running(tmp_path_factory.mktemp("commands"), *GENERATING) as commands:
        yield commands
