"""A program that renders chat templates. It is started by `template_rendering.py`, and limits its own memory.

    python -P template_process.py

The program writes a line when it is ready. Then it reads one JSON object a line from standard input, and writes one
JSON object a line to standard output:

    request  {"template": text, or null for that of the last request, "variables": {…}, "seconds": …, "characters": …}
    reply    {"text": …}, {"refused": message}, or {"limit": name of the limit}

The program ends when standard input is closed. It imports nothing of Toolmark, because it must start fast.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["MEMORY", "refusal", "render"]

MEMORY = 512 * 2**20
"""The memory in bytes that a template may use, in addition to the memory of the program."""


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Return the text that a chat template makes of its variables, in the way of transformers' `apply_chat_template`.

    Raises:
        Exception: Any error of the template.
    """
    from transformers.utils.chat_template_utils import render_jinja_template

    values = dict(variables)
    rendered: Any = render_jinja_template([values.pop("messages")], chat_template=template, **values)
    return str(rendered[0][0])


def refusal(error: Exception) -> str:
    """Return why a template refuses its variables. The template's own errors are shown without their kind."""
    from jinja2 import TemplateError

    said = " ".join(str(error).split())[:300]
    return said if said and isinstance(error, TemplateError) else f"{type(error).__name__}: {said}".rstrip(": ")


def _limit_memory() -> None:
    try:
        import resource
    except ModuleNotFoundError:  # there is no such limit on Windows
        return
    import psutil

    limit = psutil.Process().memory_info().vms + MEMORY
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):  # macOS refuses the limit
        return


def _reply(template: str, request: Mapping[str, Any]) -> dict[str, str]:
    try:
        text = render(template, request["variables"])
    except MemoryError:
        return {"limit": "memory"}
    except Exception as error:
        return {"refused": refusal(error)}
    return {"text": text} if len(text) <= request["characters"] else {"limit": "characters"}


def main() -> None:
    """Answer requests until standard input is closed."""
    from transformers.utils import chat_template_utils  # noqa: F401 - the import is not part of a request's time

    _limit_memory()
    template = ""
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        request = json.loads(line)
        if request["template"] is not None:
            template = request["template"]
        # The process that started this one ends a slow request. The alarm is for the case that it cannot.
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 2 * request["seconds"])
        reply = _reply(template, request)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(reply), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
