"""The wheel in a fresh environment, used from a folder that has packages of our names.

    python tests/wheel/walk.py

Builds the wheel from this checkout, installs it with its base dependencies alone, and runs it in a folder with its own
`benchmark/`, `suites/`, `reports/` and `conftest.py`. Needs the package index; PIP_ARGS is passed on to pip.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
FOREIGN = ("benchmark", "suites", "reports", "generators", "trainers")
IMPORT_TIME = """
import sys, time
began = time.perf_counter()
import toolmark
print(f"{time.perf_counter() - began:.3f}", toolmark.__file__, "torch" in sys.modules)
"""
HEAVY = ("torch", "transformers", "peft")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed; what it printed on standard output."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLMARK_", "PYTHON"))}
    words = [str(word) for word in command]
    ended = subprocess.run(words, cwd=cwd, env={**variables, "COLUMNS": "160"}, stdout=subprocess.PIPE, text=True)
    if ended.returncode:
        sys.exit(f"{shlex.join(words)} ended with {ended.returncode}:\n{ended.stdout}")
    return ended.stdout


def source(folder: Path) -> Path:
    """A copy of the files of this checkout that git does not ignore: what a build left here is not built in."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def foreign(folder: Path) -> Path:
    """Somebody else's project: packages of our names that must not be imported, cases, and what a model answered."""
    for name in FOREIGN:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise ImportError('{name} of this folder was imported')\n")
    (folder / "conftest.py").write_text("OWN = True\n")
    tool = {"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {}}}
    cases: list[dict[str, Any]] = [
        {
            "messages": [{"role": "user", "content": f"Add {ref}."}],
            "toolbox": [tool],
            "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]},
            "source": {"name": "mine", "ref": ref},
            "licence": "CC0-1.0",
        }
        for ref in "abcd"
    ]
    said = [{"case": ref, "text": '{"name": "add", "arguments": {}}', "dialect": "json"} for ref in "abcd"]
    said[-1]["text"] = "No."
    for name, rows in (("cases", cases), ("said", said)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def checked(what: str, holds: bool) -> None:
    """Say what holds, or stop."""
    if not holds:
        sys.exit(f"wheel: this does not hold: {what}")
    sys.stdout.write(f"wheel: {what}\n")


def walk(folder: Path) -> None:
    """All of it, in an empty folder."""
    pip = ("-m", "pip", "--disable-pip-version-check")
    arguments = shlex.split(os.environ.get("PIP_ARGS", ""))
    run(
        sys.executable, *pip, "wheel", "-qq", "--no-deps", "-w", folder, *arguments, source(folder / "source"), cwd=ROOT
    )
    (wheel,) = folder.glob("*.whl")
    names = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    information = {name for name in names if name.endswith(".dist-info")}
    checked("it holds one import name, toolmark", names - information == {"toolmark"} and len(information) == 1)

    venv.create(folder / "fresh", with_pip=True, symlinks=True)
    python = folder / "fresh" / "bin" / "python"
    constraints = ("-c", ROOT / "constraints.txt", *arguments)
    requirements = run(python, "-c", REQUIREMENTS, wheel, cwd=folder).splitlines()
    run(python, *pip, "install", "-qq", *constraints, *requirements, cwd=folder)
    (site,) = (folder / "fresh" / "lib").glob("python*/site-packages")
    before = {path.name for path in site.iterdir()}
    run(python, *pip, "install", "-qq", *constraints, wheel, cwd=folder)
    new = {path.name for path in site.iterdir()} - before
    checked("site-packages has one new name beside dist-info", new == {"toolmark", *information})
    checked("there is no torch in this environment", not any((site / name).exists() for name in HEAVY))

    project = foreign(folder / "project")
    seconds, file, torch = run(python, "-c", IMPORT_TIME, cwd=project).split()
    checked(f"`import toolmark` took {seconds} s", Path(file).is_relative_to(site) and torch == "False")
    toolmark = folder / "fresh" / "bin" / "toolmark"
    table = run(toolmark, "eval", "--model", "replay/said.jsonl", "--cases", "cases.jsonl", cwd=project)
    (recall,) = [line.split() for line in table.splitlines() if line.startswith("timing.recall")]
    checked("`toolmark eval` prints the table", "75.0" in recall)
    door = ("-m", "pytest", "-p", "toolmark.benchmark.pytest_plugin", "--pyargs", "toolmark.suites")
    table = run(python, *door, "--model", "replay/said.jsonl", "--cases", "cases.jsonl", cwd=project)
    checked("`pytest --pyargs toolmark.suites` prints it too", "75.0" in table)
    run(toolmark, "report", "said.jsonl", "--cases", "cases.jsonl", "--out", "r.md", cwd=project)
    checked("`toolmark report` writes Markdown", "| `timing.recall` |" in (project / "r.md").read_text())


REQUIREMENTS = """
import sys, zipfile
from email import message_from_bytes
wheel = zipfile.ZipFile(sys.argv[1])
(name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
metadata = message_from_bytes(wheel.read(name))
print(*(line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line), sep="\\n")
"""

if __name__ == "__main__":
    with TemporaryDirectory() as empty:
        walk(Path(empty))
