"""The options of a run: each one entry, from which its flag, its variable, its key and its documentation follow."""

from __future__ import annotations

import os
from argparse import BooleanOptionalAction
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

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
    Option("adapter", STRINGS, "LoRA adapter on the one --model; repeatable", metavar="SPEC"),
    Option(
        "baseline",
        STRING,
        "what candidates are held against: a spec, a stored run or a ledger",
        metavar="SPEC",
        default_text="with --adapter, the base",
    ),
    Option("cases", STRING, "case file or folder", metavar="[READER:]PATH", default_text="the shipped cases"),
    Option("tools", STRING, ".py, module or .yaml whose toolbox names the cases use", metavar="SOURCE"),
    Option("split", choice("dev", "test"), "which *.SPLIT.jsonl of a folder", default=_DEFAULT.split),
    Option(
        "dialect",
        STRING,
        "how tools are shown and calls are read",
        metavar="NAME",
        default_text="the adapter's, else its family's, else tagged",
    ),
    Option(
        "limit",
        WHOLE,
        "a stratified, seeded sample of N cases; a smaller one lies in a larger one",
        metavar="N",
        default_text="all",
    ),
    Option("epochs", WHOLE, "answers a case; needs --temperature", metavar="N", default=_DEFAULT.epochs),
    Option("temperature", NUMBER, "0 is greedy", metavar="T", default=_DEFAULT.temperature),
    Option("seed", WHOLE, "of sampling and of --limit", metavar="N", default=_DEFAULT.seed),
    Option(
        "threads",
        WHOLE,
        "processor threads of local generation",
        metavar="N",
        default_text="1 for a small model, else torch's own choice",
    ),
    Option(
        "connections", WHOLE, "requests to a served model at once, at most", metavar="N", default=_DEFAULT.connections
    ),
    Option(
        "request-timeout",
        NUMBER,
        "seconds that a served model may take for an answer",
        metavar="S",
        default=_DEFAULT.request_timeout,
    ),
    Option(
        "request-retries",
        WHOLE,
        "how often a request to a served model that failed is sent again",
        metavar="N",
        default=_DEFAULT.request_retries,
    ),
    Option(
        "stop-at-call",
        SWITCH,
        "where one call is right, end behind the first; what would follow is not seen, guard.stops leaves it out",
    ),
    Option(
        "floor",
        AMOUNTS,
        "fail where the score's interval is below VALUE; repeatable, each METRIC on its own",
        metavar="METRIC=VALUE",
    ),
    Option(
        "margin", NUMBER, "differences within ±M, a share, count as equivalent", metavar="M", default=_DEFAULT.margin
    ),
    Option("inconclusive", choice("skip", "fail"), "what a check does that the cases cannot decide", default="skip"),
    Option(
        "execute",
        choice("pure", "read", "all"),
        "effects up to which called tools run",
        default=_DEFAULT.execute,
    ),
    Option("fresh", SWITCH, "generate again, whatever the ledger holds"),
    Option("strict-identity", SWITCH, "refuse to compare runs whose identities differ beyond the candidate"),
    Option("as-recorded", SWITCH, "the baseline's figures as they were recorded, not judged again"),
    Option("skip-too-long", SWITCH, "leave out cases whose prompt does not fit the context"),
    Option("skip-bad", SWITCH, "leave out rows that cannot be read, and list them"),
    Option(
        "report",
        STRINGS,
        "write a report: .html, .md, .csv, .json, or a folder that ends in /; repeatable",
        metavar="FILE",
    ),
    Option("runs", STRING, "where runs are kept", metavar="DIR", default=str(_DEFAULT.runs)),
)

_PLURAL = {"models": "model", "adapters": "adapter", "floors": "floor"}


class Arguments(Protocol):
    """What takes options: pytest's group, or a parser of argparse."""

    def addoption(self, *names: str, **attributes: Any) -> None:
        """Add one option."""


def add_options(arguments: Arguments) -> None:
    """Register every option without a default, so that "not given" is told from "given".

    Args:
        arguments: Pytest's group of options.
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
    """Every option, from `flags`, the environment, `.env` in the current directory and `pyproject`.

    Raises:
        InputError: A name or a value is wrong in one of them.
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
    """What the options ask for: field for option of the same name; repeatable ones are in the plural."""
    asked = {field.name: values[_PLURAL.get(field.name, field.name.replace("_", "-"))] for field in fields(Request)}
    asked["cases"] = asked["cases"] or _DEFAULT.cases
    asked["runs"] = Path(asked["runs"])
    return Request(**asked)
