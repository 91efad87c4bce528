"""An executor that the tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from toolmark.benchmark.scoring.execution import Executor


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as executor:
        yield executor
