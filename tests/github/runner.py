"""Runs the steps of a GitHub action or job as GitHub's runner does, without the steps that are actions themselves.

Expressions are evaluated, `run` steps are run by bash in a folder, their outputs are read, and a step after a failed
step runs only if its condition says so. A step with `uses` is recorded with its inputs, and does nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

__all__ = ["Ran", "Runner", "bash_environment", "read_yaml"]

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_SHELLS = {"bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"), None: ("bash", "-e")}


def read_yaml(text: str) -> Any:
    """The content of a YAML 1.2 document, where `on` is a string."""
    return YAML(typ="safe", pure=True).load(text)


@dataclass(frozen=True, slots=True)
class Ran:
    """A step that ran.

    Attributes:
        name: Its name, or the action that it uses.
        inputs: The inputs of a step that uses an action, with their expressions evaluated.
        code: The exit code of a script; 0 of an action.
        said: What a script printed.
    """

    name: str
    inputs: Mapping[str, str]
    code: int
    said: str


@dataclass(slots=True)
class Runner:
    """A job in a folder.

    Attributes:
        workspace: The folder of the job, the checked-out repository.
        temporary: A folder for the files through which steps talk to the runner.
        environment: The variables of every script.
        contexts: What expressions can name: `inputs`, `github`, `runner` and so on.
        found: The outputs of steps that use an action, by the id of the step.
        ran: The steps that ran.
    """

    workspace: Path
    temporary: Path
    environment: Mapping[str, str]
    contexts: dict[str, Any]
    found: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ran: list[Ran] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """What the scripts wrote to the summary of the job."""
        return self._file("GITHUB_STEP_SUMMARY").read_text()

    @property
    def said(self) -> str:
        """What the scripts printed."""
        return "\n".join(ran.said for ran in self.ran)

    def run(self, steps: Sequence[Mapping[str, Any]]) -> int:
        """Run steps, and return the exit code of the first step that failed, or 0."""
        self.contexts["steps"] = {}
        failed = 0
        for step in steps:
            condition = str(step.get("if", "success()"))
            if not re.search(r"\b(always|success|failure)\(\)", condition):
                condition = f"success() && ({condition})"
            if not self._value(condition.removeprefix("${{").removesuffix("}}"), failed):
                continue
            ran, outputs = self._step(step)
            self.ran.append(ran)
            failed = failed or ran.code
            if "id" in step:
                self.contexts["steps"][step["id"]] = {"outputs": outputs}
        return failed

    def _step(self, step: Mapping[str, Any]) -> tuple[Ran, Mapping[str, str]]:
        name = step.get("name", step.get("uses", step.get("run")))
        if "uses" in step:
            inputs = {key: self._text(value) for key, value in step.get("with", {}).items()}
            return Ran(f"{name} ({step['uses']})", inputs, 0, ""), self.found.get(step.get("id", ""), {})
        script = self.temporary / "script.sh"
        script.write_text(self._text(step["run"]))
        output = self._file("GITHUB_OUTPUT")
        output.write_text("")
        environment = {**self.environment, **{key: self._text(value) for key, value in step.get("env", {}).items()}}
        environment |= {name: str(self._file(name)) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        command = [*_SHELLS[step.get("shell")], str(script)]
        ended = subprocess.run(
            command, cwd=self.workspace, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return Ran(name, {}, ended.returncode, ended.stdout + ended.stderr), outputs

    def _file(self, variable: str) -> Path:
        path = self.temporary / variable
        path.touch()
        return path

    def _text(self, value: Any) -> str:
        """A value of a step, with its expressions evaluated."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _EXPRESSION.sub(lambda found: str(self._value(found[1])), text)

    def _value(self, expression: str, failed: int = 0) -> Any:
        """The value of an expression. Only what the actions and workflows of this repository use is known."""
        tokens = re.findall(r"'[^']*'|&&|\|\||[!=]=|!|[\w.-]+|\S", expression)
        python = " ".join(self._token(token) for token in tokens)
        functions = {
            "always": lambda: True,
            "success": lambda: not failed,
            "failure": lambda: bool(failed),
            "format": str.format,
            "hashFiles": lambda pattern: "hash" if any(self.workspace.glob(pattern)) else "",
        }
        return eval(python, {"__builtins__": {}}, functions)  # of files of this repository

    def _token(self, token: str) -> str:
        operators = {"&&": "and", "||": "or", "!": "not"}
        if "." not in token or token.startswith("'"):
            return operators.get(token, token)
        value: Any = self.contexts
        *parts, last = token.split(".")
        for part in parts:
            value = value[part]
        # An output that no step set is an empty string. Anything else must be there.
        return repr(value.get(last, "") if parts[-1] == "outputs" else value[last])


def bash_environment(*first_on_path: Path) -> dict[str, str]:
    """The variables of this process without those of Toolmark, GitHub and the hub, with folders at the head of PATH."""
    foreign = ("TOOLMARK_", "GITHUB_", "HF_", "ARGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PATH": os.pathsep.join([*map(str, first_on_path), kept["PATH"]])}
