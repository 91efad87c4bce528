"""Somebody else's trainer: the one that the documentation shows, installed with one entry point."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.forked.commands import Commands

SHOWN = (Path(__file__).parents[2] / "docs" / "guide" / "plugins.md").read_text()


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the documented trainer is installed."""
    section = SHOWN.partition("\n## A trainer\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (points,) = re.findall(r'"(toolmark\.trainers)"\]\n(.*?)\n```', section, re.DOTALL)
    site = tmp_path / "site"
    info = site / "plain-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "plain.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{points[0]}]\n{points[1].replace(chr(34), '')}\n")
    return {"PYTHONPATH": str(site)}


def test_it_is_one_of_all(warm: Commands, installed, base, data, dev, tmp_path):
    out = tmp_path / "adapter"
    assert "plain" in warm("train", "--help", environment=installed).said
    assert "Conversations to train on." in warm("train", "plain", "--help", environment=installed).said
    where = ("--base", str(base), "--data", str(data), "--out", str(out), "--dev", str(dev))
    done = warm("train", "plain", *where, "--steps", "3", environment=installed)
    assert done.code == 0, done.said
    record = json.loads((out / "toolmark.json").read_text())
    assert record["trainer"] == "plain"
    assert record["options"] == {"lr": 1e-3, "steps": 3}
    assert [point["step"] for point in record["curve"]] == [1, 2, 3]
    assert (out / "adapter_model.safetensors").exists()
    assert "--steps 3" in (out / "README.md").read_text()


def test_it_cannot_look_at_the_test_cases(warm: Commands, installed, base, data, dev, tmp_path):
    module = Path(installed["PYTHONPATH"]) / "plain.py"
    start = "    def train(self, base, data, out, options, ctx):\n"
    peeking = f"        open({str(dev / 'few.test.jsonl')!r}).read()\n"
    module.write_text(module.read_text().replace(start, start + peeking))
    where = ("--base", str(base), "--data", str(data), "--out", str(tmp_path / "adapter"), "--dev", str(dev))
    done = warm("train", "plain", *where, environment=installed)
    assert done.code == 4, done.said
    assert "the trainer opened the test cases" in done.err
    assert not list((tmp_path / "adapter").glob("*.safetensors"))
