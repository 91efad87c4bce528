"""The options of commands that judge recorded runs again: `compare`, `report` and `models push`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.scoring.execution import Execute

__all__ = ["RecordedOptions"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOptions:
    """Which cases recorded runs are judged on, and how. Each field is an option with the same name."""

    cases: Annotated[
        str | None,
        Parameter(
            help="File or folder of the cases that the runs answered. The default is the shipped cases. If a run has "
            "no answer to a case, the case is left out for this run."
        ),
    ] = None
    tools: Annotated[
        str | None,
        Parameter(help="File or module with the toolboxes of the cases. For scenarios, your world: my_world.py:World."),
    ] = None
    split: Annotated[Split, Parameter(help="Split of the cases: dev or test.")] = "test"
    dialect: Annotated[
        str | None,
        Parameter(help="Dialect of the answers. Only for recordings that do not contain the name of their dialect."),
    ] = None
    execute: Annotated[
        Execute,
        Parameter(
            help="Which called tools are run: pure (tools without effects), read (also tools that read), or all."
        ),
    ] = "pure"
    trust_data_tools: Annotated[
        bool,
        Parameter(
            help="Also run the code that is named in the case files and in the tools.yaml beside them. This code gets "
            "all your rights."
        ),
    ] = False
    skip_too_long: Annotated[
        bool, Parameter(help="Leave out the cases that were too long for one of the recorded models.")
    ] = False
    skip_bad: Annotated[
        bool, Parameter(help="Leave out rows of case files that cannot be read, and list these rows.")
    ] = False

    def request(self, runs: tuple[str, ...], baseline: str | None, **others: Any) -> Request:
        """Return the request to judge these runs.

        Args:
            runs: The recorded runs.
            baseline: The recorded run with which the others are compared. None if there is no comparison.
            others: Other fields of the request.
        """
        chosen = {**asdict(self), "cases": self.cases or Request().cases}
        return Request(models=runs, baseline=baseline, **chosen, **others)
