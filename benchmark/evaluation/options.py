"""The options of an evaluation. Each entry defines the flag, the variable, the key and the help of one option."""

from __future__ import annotations

import os
from argparse import BooleanOptionalAction
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, get_args

from toolmark.benchmark.config.option_types import AMOUNTS, NUMBER, STRING, STRINGS, SWITCH, WHOLE, choice
from toolmark.benchmark.config.sources import (
    Option,
    Values,
    from_dotenv,
    from_environment,
    from_flags,
    from_pyproject,
    resolve,
)
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice
from toolmark.benchmark.evaluation.request import Request

__all__ = ["OPTIONS", "Arguments", "add_options", "read_options", "request_of"]

_DEFAULT = Request()

OPTIONS = (
    Option(
        "model",
        STRINGS,
        "candidate: alias, path, hub id, replay/FILE, policy/NAME or an Inspect model; repeatable",
        metavar="SPEC",
    ),
    Option("adapter", STRINGS, "LoRA adapter on the model of --model; repeatable", metavar="SPEC"),
    Option(
        "baseline",
        STRING,
        "what candidates are compared with: a spec, a stored run or a ledger",
        metavar="SPEC",
        default_text="with --adapter, the base",
    ),
    Option(
        "cases",
        STRING,
        "case file or folder, or a shipped set: authored, generated",
        metavar="[READER:]PATH",
        default_text="authored",
    ),
    Option("tools", STRING, ".py, module or .yaml with the toolboxes that the cases name", metavar="SOURCE"),
    Option("split", choice("dev", "test"), "which files *.SPLIT.jsonl of a folder are read", default=_DEFAULT.split),
    Option(
        "dialect",
        STRING,
        "how tools are shown and calls are read",
        metavar="NAME",
        default_text="the dialect of the adapter, else of the model family, else tagged",
    ),
    Option(
        "limit",
        WHOLE,
        "a stratified, seeded sample of N cases; a larger sample contains a smaller one",
        metavar="N",
        default_text="all",
    ),
    Option("epochs", WHOLE, "answers for each case; needs --temperature", metavar="N", default=_DEFAULT.epochs),
    Option("temperature", NUMBER, "temperature of sampling; 0 is greedy", metavar="T", default=_DEFAULT.temperature),
    Option("seed", WHOLE, "seed of sampling and of --limit", metavar="N", default=_DEFAULT.seed),
    Option("max-tokens", WHOLE, "an answer is cut after N tokens", metavar="N", default=_DEFAULT.max_tokens),
    Option(
        "device",
        choice(*get_args(DeviceChoice)),
        "device of local generation and of trainings; auto takes CUDA if there is a CUDA device, else the processor",
        default=_DEFAULT.device,
    ),
    Option(
        "dtype",
        choice(*get_args(DtypeChoice)),
        "data type of the weights of a local model; auto takes bfloat16 on CUDA, else float32",
        default=_DEFAULT.dtype,
    ),
    Option(
        "threads",
        WHOLE,
        "processor threads of local generation",
        metavar="N",
        default_text="1 for a small model, else torch's own choice",
    ),
    Option(
        "connections",
        WHOLE,
        "largest number of requests to a served model at the same time",
        metavar="N",
        default=_DEFAULT.connections,
    ),
    Option(
        "request-timeout",
        NUMBER,
        "seconds after which a request to a served model fails",
        metavar="S",
        default=_DEFAULT.request_timeout,
    ),
    Option(
        "request-retries",
        WHOLE,
        "how often a failed request to a served model is sent again",
        metavar="N",
        default=_DEFAULT.request_retries,
    ),
    Option(
        "stop-at-call",
        SWITCH,
        "end an answer after its first call if one call is right; these answers do not count in guard.stops",
    ),
    Option(
        "floor",
        AMOUNTS,
        "fail if the interval of the score is below VALUE; repeatable, once for each METRIC",
        metavar="METRIC=VALUE",
    ),
    Option(
        "margin", NUMBER, "differences within ±M, a share, count as equivalent", metavar="M", default=_DEFAULT.margin
    ),
    Option("inconclusive", choice("skip", "fail"), "result of a check that is inconclusive", default="skip"),
    Option(
        "execute",
        choice("pure", "read", "all"),
        "run called tools with effects up to this level",
        default=_DEFAULT.execute,
    ),
    Option("fresh", SWITCH, "generate all answers again; recorded answers in the ledger are not reused"),
    Option("strict-identity", SWITCH, "stop with an error if the sides differ in more than the candidate"),
    Option("as-recorded", SWITCH, "use the recorded grades of the baseline, and do not judge the baseline again"),
    Option("skip-too-long", SWITCH, "leave out cases whose prompt does not fit the context"),
    Option("skip-bad", SWITCH, "leave out rows that cannot be read, and list them"),
    Option(
        "report",
        STRINGS,
        "write a report: .html, .md, .csv, .json, or a folder that ends in /; repeatable",
        metavar="FILE",
    ),
    Option("runs", STRING, "folder of the runs", metavar="DIR", default=str(_DEFAULT.runs)),
)

_PLURAL = {"models": "model", "adapters": "adapter", "floors": "floor"}


class Arguments(Protocol):
    """Something that options can be added to: pytest's group of options, or a parser of argparse."""

    def addoption(self, *names: str, **attributes: Any) -> None:
        """Add one option."""


def add_options(arguments: Arguments) -> None:
    """Add every option. The default is None, which shows that an option was not given.

    Args:
        arguments: The group or parser that the options are added to.
    """
    for option in OPTIONS:
        attributes: dict[str, Any] = {"action": "append"} if option.kind.repeatable else {}
        if option.kind is SWITCH:
            attributes = {"action": BooleanOptionalAction}
        else:
            attributes["metavar"] = option.metavar or f"{{{','.join(option.kind.choices)}}}"
        shown = f"{option.help} [{option.variable}; default: {option.shown_default}]"
        arguments.addoption(
            option.flag, dest=option.destination, default=None, help=shown.replace("%", "%%"), **attributes
        )


def read_options(flags: Mapping[str, Any], pyproject: Path) -> Values:
    """Read every option from flags, the environment, `.env` in the current directory, and `pyproject`.

    Args:
        flags: Values of the flags that were given, by option.
        pyproject: Path of the `pyproject.toml`.

    Raises:
        InputError: A name or a value in one of these sources is invalid.
    """
    return resolve(
        OPTIONS,
        [
            from_flags(flags),
            from_environment(OPTIONS, os.environ),
            from_dotenv(OPTIONS, Path(".env")),
            from_pyproject(OPTIONS, pyproject),
        ],
    )


def request_of(values: Values) -> Request:
    """Make a request from the options. A field has the name of its option, in the plural for repeatable options."""
    by_field = {field.name: values[_PLURAL.get(field.name, field.name.replace("_", "-"))] for field in fields(Request)}
    by_field["cases"] = by_field["cases"] or _DEFAULT.cases
    by_field["runs"] = Path(by_field["runs"])
    return Request(**by_field)
