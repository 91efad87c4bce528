"""`toolmark.json` comes back as it was written, and a file that is not one is named in the error."""

from __future__ import annotations

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.record import RECORD_FILE, RecordedBase, RecordedData, WrittenRecord


def test_a_record_comes_back(tmp_path):
    record = WrittenRecord(
        trainer="lora",
        command="toolmark train lora",
        seed=1,
        options={"rank": 16},
        base=RecordedBase(id="pocket", weights="0" * 16),
        dialects=("tagged",),
        template_sha256="0",
        data=RecordedData(manifest_sha256="1", conversations=2, tools=("a", "b")),
        weights_sha256="2",
        tokens=3,
        seconds=4.0,
        losses={"loss": 1.0},
        versions={},
        curve=[{"step": 1, "loss": 1.0}],
    )
    record.write(tmp_path)
    assert WrittenRecord.read(tmp_path) == record


def test_what_is_no_record_is_named(tmp_path):
    with pytest.raises(InputError, match=r"has no toolmark\.json"):
        WrittenRecord.read(tmp_path)
    (tmp_path / RECORD_FILE).write_text("{}")
    with pytest.raises(InputError, match="is not a valid training record"):
        WrittenRecord.read(tmp_path)
