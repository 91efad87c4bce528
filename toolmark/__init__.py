"""Toolmark tests whether a fine-tuned model calls tools better than its base model.

    import toolmark

    comparison = toolmark.evaluate(toolmark.Request(models=("pocket",), adapters=("adapters/mine",)))
    comparison["pocket+mine"].differences["selection.tool"].verdict

`evaluate` lets candidates answer cases, and compares the candidates. `compare` compares recorded runs.

This module also contains the protocols of plug-ins and every type that the protocols use. A plug-in imports only this
module. Each name is imported when it is first used, so `import toolmark` is quick and does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolmark.benchmark.evaluation.evaluate import compare, evaluate
    from toolmark.benchmark.evaluation.request import Request
    from toolmark.benchmark.plugins.protocols import (
        BadRow,
        BaseDialect,
        BaseGenerator,
        BaseReader,
        BaseTrainer,
        Call,
        Candidate,
        Case,
        Comparison,
        Completion,
        DevFigure,
        Dialect,
        Encoded,
        Expectation,
        Generation,
        Generator,
        Message,
        ParsedCompletion,
        Patterned,
        Prompt,
        Reader,
        Renderer,
        Result,
        Source,
        Tool,
        Toolbox,
        Trace,
        TraceDataset,
        Trained,
        Trainer,
        Training,
        WrittenRecord,
    )

__all__ = [
    "BadRow",
    "BaseDialect",
    "BaseGenerator",
    "BaseReader",
    "BaseTrainer",
    "Call",
    "Candidate",
    "Case",
    "Comparison",
    "Completion",
    "DevFigure",
    "Dialect",
    "Encoded",
    "Expectation",
    "Generation",
    "Generator",
    "Message",
    "ParsedCompletion",
    "Patterned",
    "Prompt",
    "Reader",
    "Renderer",
    "Request",
    "Result",
    "Source",
    "Tool",
    "Toolbox",
    "Trace",
    "TraceDataset",
    "Trained",
    "Trainer",
    "Training",
    "WrittenRecord",
    "__version__",
    "compare",
    "evaluate",
]

_PLACES = {
    "compare": "toolmark.benchmark.evaluation.evaluate",
    "evaluate": "toolmark.benchmark.evaluation.evaluate",
    "Request": "toolmark.benchmark.evaluation.request",
}
_PROTOCOLS = "toolmark.benchmark.plugins.protocols"


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("toolmark")
    if name not in __all__:
        raise AttributeError(f"module 'toolmark' has no attribute {name!r}")
    return getattr(import_module(_PLACES.get(name, _PROTOCOLS)), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
