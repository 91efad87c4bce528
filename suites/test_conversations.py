"""Suite of conversations: does the model reach what the user wants, over several turns and with tools that share state?

The checks of this suite run only for scenarios, for example with `--cases scenarios`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolmark.benchmark.scoring.metric_sets import checked_conversation_metrics


@pytest.mark.parametrize("metric", checked_conversation_metrics())
def test_metric(metric: str, check: Callable[[str], None]) -> None:
    """Check that the metric has not regressed and is not below its floor."""
    check(metric)
