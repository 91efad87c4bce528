"""Descriptions of plug-ins are read from their source."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from toolmark.benchmark.core.plugin_descriptions import described
from toolmark.benchmark.core.registry import Group, load, names, target

GROUPS: tuple[Group, ...] = ("toolmark.generators", "toolmark.models", "toolmark.trainers")


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in names(group)])
def test_each_plugin_is_described_by_its_docstring(group: Group, name: str) -> None:
    text = described(target(group, name))
    assert text
    assert (inspect.getdoc(load(group, name)) or "").startswith(text)
    assert "Parameters" not in text


def test_no_plugin_is_imported() -> None:
    program = (
        "import sys\n"
        "from toolmark.benchmark.core.plugin_descriptions import described\n"
        "from toolmark.benchmark.core.registry import names, target\n"
        "assert all(described(target('toolmark.trainers', name)) for name in names('toolmark.trainers'))\n"
        "assert 'toolmark.trainers.lora' not in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "source",
    [
        "class Other:\n    'Another class.'\n",
        "class Plugin:\n    pass\n",
        "class Plugin(:\n",
        "from .missing import Plugin\n",
        "Plugin = 1\n",
    ],
)
def test_a_plugin_without_a_description(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = f"foreign_{len(source)}"  # another name for each source, because a package is imported once
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert described(f"{package}:Plugin") is None
    assert described(f"{package}.missing:Plugin") is None
    assert described("no_such_package:Plugin") is None
