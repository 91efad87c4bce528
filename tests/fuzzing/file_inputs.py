"""Damaged files: cases, tools, datasets, ledgers, recordings, recipes, options and foreign formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from tests.fuzzing.input_kinds import InputKind
from tests.fuzzing.mutations import Format, damaged, damaged_value, written
from tests.fuzzing.samples import (
    CASE_LINES,
    CLIENT_TOOLS,
    DOTENV,
    FOREIGN,
    HELD_OUT,
    MANIFEST,
    NAMED_LINES,
    OPENAPI,
    PYPROJECT,
    RECIPE,
    RECORDED,
    RUN,
    SERVED,
    STATE,
    TOOLS_JSON,
    TOOLS_YAML,
    TRACES,
    case_ids,
    completions,
)

__all__ = ["FILE_INPUTS"]

_SCENARIOS = Path(__file__).parents[2] / "suites" / "scenarios"

Make = Callable[[Random, Path], Sequence[str]]


def _put(folder: Path, name: str, content: bytes) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def _good_cases(folder: Path) -> str:
    return _put(folder, "good.test.jsonl", CASE_LINES)


def _cases(random: Random, folder: Path) -> list[str]:
    if random.random() < 0.2:
        _put(folder, "tools.yaml", damaged(TOOLS_YAML, random, "yaml"))
        file = _put(folder, "x.test.jsonl", NAMED_LINES)
    else:
        file = _put(folder, "x.test.jsonl", damaged(CASE_LINES, random, "jsonl"))
    command = random.choice(("lint", "stats", "show"))
    return ["cases", command, file]


def _judged_cases(random: Random, folder: Path) -> list[str]:
    file = _put(folder, "x.test.jsonl", damaged(CASE_LINES, random, "jsonl"))
    options = [["--skip-bad"], []][random.randrange(2)]
    return ["eval", "--model", "policy/first", "--cases", file, "--runs", "runs", "-q", *options]


def _scenarios(random: Random, folder: Path) -> list[str]:
    lines = random.choice(sorted(_SCENARIOS.glob("*.dev.jsonl"))).read_bytes().split(b"\n")
    file = _put(folder, "x.dev.jsonl", damaged(random.choice(lines[:-1]) + b"\n", random, "jsonl"))
    return ["cases", random.choice(("lint", "stats", "show")), file]


def _tools(content: bytes, form: Format, name: str) -> Make:
    def make(random: Random, folder: Path) -> list[str]:
        source = _put(folder, name, damaged(content, random, form))
        return ["cases", "stats", _good_cases(folder), "--tools", source]

    return make


def _generated(random: Random, folder: Path) -> list[str]:
    content, form, name = random.choice(
        ((TOOLS_YAML, "yaml", "t.yaml"), (TOOLS_JSON, "json", "t.json"), (OPENAPI, "yaml", "api.yaml"))
    )
    source = _put(folder, name, damaged(content, random, form))  # type: ignore[arg-type]
    return ["generate", "template", "--tools", source, "--out", "g", "--count", "4", "--min-distractors", "0"]


def _dataset(random: Random, folder: Path) -> str:
    """Write a dataset with one damage: of a row's values, of a column, or of one of the files around the rows."""
    way = random.randrange(4)
    rows = damaged_value(list(TRACES), random) if way == 0 else [dict(row) for row in TRACES]
    rows = [dict(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if way == 1:
        column = random.choice(list(TRACES[0]))
        for row in rows:
            row[column] = damaged_value([row[column]], random)
    try:
        table = _arrow(rows, as_text=["messages"])
    except (pa.ArrowException, OverflowError, ValueError, TypeError, RecursionError):
        table = _arrow(rows, as_text=list(TRACES[0]))
    files = {
        "traces/dataset_dict.json": b'{"splits": ["train"]}',
        "traces/train/state.json": json.dumps(STATE).encode(),
        "traces/train/dataset_info.json": b"{}",
        "traces/train/data.arrow": table,
        "manifest.json": json.dumps(MANIFEST).encode(),
    }
    if way > 1:
        name = random.choice(list(files))
        files[name] = damaged(files[name], random, "bytes" if name.endswith("arrow") else "json")
    for name, content in files.items():
        _put(folder, f"d/{name}", content)
    return "d"


def _arrow(rows: Sequence[dict[str, Any]], as_text: Sequence[str]) -> bytes:
    """Return the rows as an Arrow stream. The columns of `as_text` contain JSON."""
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(key for row in rows for key in row):
        values = [row.get(name) for row in rows]
        text = [_encodable(written(value)) for value in values]
        columns[_encodable(name)] = pa.array(text if name in as_text else values)
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _audited(random: Random, folder: Path) -> list[str]:
    command = ["data", "audit", _dataset(random, folder)]
    if random.random() < 0.1:
        command += ["--manifest", _put(folder, "M.toml", damaged(HELD_OUT, random, "toml"))]
    return command


def _shown(random: Random, folder: Path) -> list[str]:
    return ["data", "show", _dataset(random, folder), "--count", "2"]


def _trained(random: Random, folder: Path) -> list[str]:
    """Read for a training that ends before a model is loaded, because its dev cases do not exist."""
    data = _dataset(random, folder)
    return ["train", "lora", "--base", "pocket", "--data", data, "--out", "o", "--dev", "nothing"]


def _ledger(random: Random, folder: Path) -> str:
    rows = [RUN, *completions(["a", "b"])]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    _put(folder, "runs/tiny-01234567/ledger.jsonl", damaged(content, random, "jsonl"))
    return "runs/tiny-01234567"


def _listed_runs(random: Random, folder: Path) -> list[str]:
    run = _ledger(random, folder)
    return random.choice((["runs", "list"], ["runs", "show", run], ["runs", "export", run, "--out", "x.jsonl.gz"]))


def _reported(random: Random, folder: Path) -> list[str]:
    content = "".join(json.dumps(row) + "\n" for row in [RUN, *completions(case_ids())]).encode()
    run = _put(folder, "r/ledger.jsonl", damaged(content, random, "jsonl"))
    out = random.choice(("x.md", "x.csv", "x.json"))
    return ["report", run, "--out", out, "--cases", _good_cases(folder)]


def _replayed(random: Random, folder: Path) -> list[str]:
    if random.random() < 0.5:
        content = "".join(json.dumps(row) + "\n" for row in [RUN, *completions(case_ids())]).encode()
    else:
        content = random.choice((RECORDED, SERVED))
    file = _put(folder, "r.jsonl", damaged(content, random, "jsonl"))
    return [
        "eval",
        *(["--dialect", "native"] if content is SERVED else []),
        "--model",
        f"replay/{file}",
        "--cases",
        _good_cases(folder),
        "--runs",
        "runs",
        "-q",
        "-k",
        "timing",
    ]


def _recipe(random: Random, folder: Path) -> list[str]:
    file = _put(folder, "r.toml", damaged(RECIPE, random, "toml"))
    return ["eval", "--model", "pocket", "--adapter", file, "--collect-only", "-q", "--cases", _good_cases(folder)]


def _options(random: Random, folder: Path) -> list[str]:
    damage_env = random.random() < 0.3
    _put(folder, "pyproject.toml", PYPROJECT if damage_env else damaged(PYPROJECT, random, "toml"))
    if damage_env:
        _put(folder, ".env", damaged(DOTENV, random, "toml"))
    return ["eval", "--collect-only", "-q", "--cases", _good_cases(folder)]


def _imported(random: Random, folder: Path) -> list[str]:
    reader, files = random.choice(FOREIGN)
    hurt = random.choice(list(files))
    for name, content in files.items():
        form: Format = {".jsonl": "jsonl", ".json": "json"}.get(Path(name).suffix, "bytes")  # type: ignore[assignment]
        form = "jsonl" if name.startswith(("BFCL", "possible")) else form
        _put(folder, name, damaged(content, random, form) if name == hurt else content)
    file = next(iter(files))
    if random.random() < 0.3:
        return ["generate", "import", "--source", f"{reader}:{file}", "--out", "g"]
    return ["cases", "import", f"{reader}:{file}", "--out", "out.jsonl", *random.choice((["--skip-bad"], []))]


FILE_INPUTS = (
    InputKind("cases", _cases),
    InputKind("judged cases", _judged_cases),
    InputKind("tools.yaml", _tools(TOOLS_YAML, "yaml", "t.yaml")),
    InputKind("tools.json", _tools(TOOLS_JSON, "json", "t.json")),
    InputKind("tools of a client", _tools(CLIENT_TOOLS, "json", "t.json")),
    InputKind("scenarios", _scenarios),
    InputKind("openapi", _tools(OPENAPI, "yaml", "api.yaml")),
    InputKind("generation", _generated),
    InputKind("audited dataset", _audited),
    InputKind("shown dataset", _shown),
    InputKind("training data", _trained),
    InputKind("stored runs", _listed_runs),
    InputKind("reported ledger", _reported),
    InputKind("replayed recording", _replayed),
    InputKind("recipe", _recipe),
    InputKind("options", _options),
    InputKind("foreign format", _imported),
)
