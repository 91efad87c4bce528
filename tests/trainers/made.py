"""A trace dataset made here: calls and refusals over two toolboxes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from toolmark.benchmark.data.cases import Call, Message, Tool, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.plugins.protocols import Trainer
from toolmark.generators.trace_dataset.writer import trace_row, write_traces
from toolmark.trainers.host import run_training
from toolmark.trainers.training_job import TrainingJob

TOOLS = tuple(
    Tool(
        name=f"{verb}_{thing}",
        description=f"Can {verb} a {thing}.",
        parameters={"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    )
    for verb in ("find", "sell")
    for thing in ("boat", "lamp")
)


def traces(count: int = 24) -> list[Trace]:
    """Calls and refusals over two toolboxes."""
    found = []
    for number in range(count):
        box = Toolbox(name="few", tools=TOOLS[:3] if number % 8 < 4 else TOOLS[1:])
        query = f"Number {number}, please."
        asked = Message(role="user", content=query)
        if number % 3 == 0:
            messages = (asked, Message(role="assistant", content="None of my tools can."))
            found.append(Trace(messages=messages, toolbox=box, query=query, query_type="no_tool", source="made/test"))
            continue
        tool = box.tools[number % 3]
        messages = (
            asked,
            Message(role="assistant", tool_calls=(Call(name=tool.name, arguments={"name": str(number)}),)),
            Message(role="tool", name=tool.name, content='{"done": true}'),
            Message(role="assistant", content="Done."),
        )
        about = {"query_type": "easy", "tool_name": tool.name, "source": "made/test"}
        found.append(Trace(messages=messages, toolbox=box, query=query, **about))
    return found


def dataset(folder: Path, train: list[Trace], validation: list[Trace] | None = None) -> Path:
    """A trace dataset as the pipeline writes it."""
    spools = {}
    folder.mkdir()
    for name, made in (("train", train), ("validation", validation or [])):
        spools[name] = folder / f"{name}.jsonl"
        spools[name].write_text("".join(json.dumps(trace_row(trace)) + "\n" for trace in made))
    write_traces(spools, folder / "traces", folder / "cache")
    (folder / "manifest.json").write_text(json.dumps({"seed": 1}))
    return folder


def said_in_training(
    trainer: Trainer[Any],
    options: BaseModel,
    log: Callable[[Mapping[str, float]], None] = lambda _: None,
    **job: Any,
) -> list[str]:
    """Train with a limit of two dev cases. Return the lines for the user."""
    said: list[str] = []
    run_training(trainer, TrainingJob(**job, dev_limit=2), options, log, said.append)
    return said


def same_weights(one: Path, other: Path) -> bool:
    """Whether two folders contain adapters with the same bytes."""
    return (one / "adapter_model.safetensors").read_bytes() == (other / "adapter_model.safetensors").read_bytes()
