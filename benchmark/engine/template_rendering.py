"""Renders chat templates with limits, because a template is a program that somebody else wrote.

Jinja's sandbox keeps a template away from files and from Python. But the sandbox does not limit the time and the
memory: a template can loop, or build a text of a gigabyte with one operator. A separate process can always be stopped.
So the program `template_process.py` renders templates in another process. This process is started for the first
template, and renders all prompts. Only the shipped template of `pocket` is rendered in the main process, because it
needs no limits.

With 40 tools, a rendering takes 1.8 ms in the other process and 1.0 ms in the main process. The start of the other
process takes half a second.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.engine.template_process import MEMORY, refusal, render

__all__ = ["TemplateRefusal", "render_template"]

_SECONDS = 5.0
"""The time limit of one rendering. Even a long prompt usually takes only a few milliseconds."""

_START_SECONDS = 120.0

_OWN_CHARACTERS, _TIMES_GIVEN = 200_000, 20
"""The largest number of characters of a rendered prompt is `_OWN_CHARACTERS`, plus `_TIMES_GIVEN` times the number of
characters in the variables of the template."""

_LONGEST_TEMPLATE = 1_000_000
"""The largest number of characters of a template. Templates of large models have 20,000."""

_FIX = "Use the chat template that was published with the model, or mend chat_template.jinja in the model's folder."

_END = ""


class TemplateRefusal(Exception):
    """A chat template raised an error, for example because it does not support a role."""


@cache
def _shipped() -> str:
    return Path(__file__).parent.joinpath("pocket", "chat_template.jinja").read_text(encoding="utf-8")


def render_template(template: str, variables: Mapping[str, Any], owner: str) -> str:
    """Return the text that a chat template makes of its variables.

    Args:
        template: The text of the template.
        variables: The variables of the template, as JSON values. `messages` must be one of them.
        owner: The model that the template belongs to, for error messages.

    Raises:
        TemplateRefusal: The template raised an error.
        InputError: The template is too long, or exceeded a limit.
        EnvironmentFault: The process for templates cannot be started.
    """
    if template == _shipped():
        try:
            return render(template, variables)
        except Exception as error:
            raise TemplateRefusal(refusal(error)) from None
    if len(template) > _LONGEST_TEMPLATE:
        raise InputError(f"the chat template of {owner!r} has more than {_LONGEST_TEMPLATE:,} characters", _FIX)
    reply = _process().ask(template, variables)
    if (said := reply.get("refused")) is not None:
        raise TemplateRefusal(printable(said))
    if (limit := reply.get("limit")) is not None:
        exceeded = {
            "time": f"does not end: one prompt took longer than {_SECONDS:g} s",
            "memory": f"needs more than {MEMORY >> 20} MiB of memory for one prompt",
            "characters": f"writes a prompt with more than {_OWN_CHARACTERS:,} characters of its own",
            "crash": "crashes the process that renders it",
        }
        raise InputError(f"the chat template of {owner!r} {exceeded[limit]}", _FIX)
    return reply["text"]


class _TemplateProcess:
    """The process that renders templates. It is started for the first request, and started again if it has ended."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: subprocess.Popen[str] | None = None
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._template: str | None = None

    def ask(self, template: str, variables: Mapping[str, Any]) -> dict[str, str]:
        """Return the reply of the process. If the process does not reply, the result is `{"limit": …}`."""
        with self._lock:
            process = self._running or self._start()
            characters = _OWN_CHARACTERS + _TIMES_GIVEN * len(text := json.dumps(variables, default=str))
            same = json.dumps(None if template == self._template else template)
            try:
                print(
                    f'{{"template": {same}, "variables": {text}, "seconds": {_SECONDS}, "characters": {characters}}}',
                    file=process.stdin,
                    flush=True,
                )
                line = self._lines.get(timeout=_SECONDS)
            except OSError:
                line = _END
            except Empty:
                self.stop()
                return {"limit": "time"}
            except BaseException:  # After an interruption, the next request would otherwise get this reply.
                self.stop()
                raise
            if line == _END:
                self.stop()
                return {"limit": "crash"}
            self._template = template
            reply: dict[str, str] = json.loads(line)
            return reply

    def _start(self) -> subprocess.Popen[str]:
        # With -P, Python never imports a file of the current folder in place of a package.
        command = [sys.executable, "-P", str(Path(__file__).with_name("template_process.py"))]
        self._running = process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            process_group=0 if os.name == "posix" else None,  # So Ctrl-C does not reach the process.
        )
        self._lines, self._template = SimpleQueue(), None
        Thread(target=_read, args=(process, self._lines), daemon=True).start()
        with suppress(Empty):
            if self._lines.get(timeout=_START_SECONDS) != _END:
                return process
        self.stop()
        raise EnvironmentFault(
            f"the process that renders chat templates ended with exit code {process.poll()} before it was ready",
            "Install the packages again: pip install --force-reinstall 'toolmark[local]'",
        )

    def stop(self) -> None:
        """Kill the process. This is safe, because the process has nothing to save."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            for stream in (self._running.stdin, self._running.stdout):
                with suppress(OSError):
                    if stream is not None:
                        stream.close()
            self._running = None


def _read(process: subprocess.Popen[str], lines: SimpleQueue[str]) -> None:
    with suppress(ValueError, OSError):  # Another thread has closed the stream.
        for line in process.stdout or ():
            lines.put(line)
    lines.put(_END)


_processes: dict[int, _TemplateProcess] = {}
"""The process that renders templates for this process. The key is the process ID. A fork of this process has another
ID, so it starts its own process. Otherwise it would read replies that are meant for its parent."""


def _process() -> _TemplateProcess:
    if os.getpid() not in _processes:
        _processes.clear()
        _processes[os.getpid()] = _TemplateProcess()
        atexit.register(_processes[os.getpid()].stop)
    return _processes[os.getpid()]
