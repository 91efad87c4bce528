"""Whoever trains cannot open a test case: not the trainer, and nothing that it calls."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.trainers.guard_test_cases import no_test_cases

READERS: list[Callable[[Path], object]] = [
    Path.read_text,
    lambda file: open(file, "rb"),  # noqa: PTH123, SIM115 - another way in
    lambda file: os.open(os.fsencode(file), os.O_RDONLY),
    gzip.open,
    pandas.read_json,
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["calls.test.jsonl", "calls.test.jsonl.gz"])
def test_test_cases_stay_closed(read, name, tmp_path):
    (tmp_path / name).write_text("{}")
    (tmp_path / "calls.dev.jsonl").write_text("{}")
    with no_test_cases():
        assert (tmp_path / "calls.dev.jsonl").read_text() == "{}"
        with no_test_cases(), pytest.raises(InputError, match=r"opened the test cases '.*calls\.test\.jsonl"):
            read(tmp_path / name)
        with pytest.raises(InputError, match="opened the test cases"):
            read(tmp_path / name)
    assert (tmp_path / name).read_text() == "{}"
