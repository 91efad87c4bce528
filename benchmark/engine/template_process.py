"""A program that renders chat templates. `template_rendering.py` starts it. The program limits its own memory.

    python -P template_process.py

The program writes the line `ready` when it is ready. Then it reads requests from standard input, and writes a reply to
each request to standard output. A request or reply is a JSON object on one line:

    request  {"template": TEXT, "variables": {…}, "seconds": NUMBER, "characters": NUMBER}
    reply    {"text": TEXT}, {"refused": MESSAGE}, or {"limit": NAME OF THE LIMIT}

If `template` is null, the template of the last request is used. `seconds` and `characters` are limits. The program ends
when standard input is closed. It imports nothing of Toolmark, because it must start fast.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["MEMORY", "refusal", "render"]

MEMORY = 512 * 2**20
"""The memory in bytes that a template is allowed to use, in addition to the memory of the program."""


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Return the text that a chat template makes of its variables, as transformers' `apply_chat_template` does.

    Raises:
        Exception: Any error of the template.
    """
    from transformers.utils.chat_template_utils import render_jinja_template

    values = dict(variables)
    rendered: Any = render_jinja_template([values.pop("messages")], chat_template=template, **values)
    return str(rendered[0][0])


def refusal(error: Exception) -> str:
    """Return why a template failed. If the template itself raised the error, the kind of the error is left out."""
    from jinja2 import TemplateError

    said = " ".join(str(error).split())[:300]
    return said if said and isinstance(error, TemplateError) else f"{type(error).__name__}: {said}".rstrip(": ")


def _limit_memory() -> None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit.
        return
    import psutil

    limit = psutil.Process().memory_info().vms + MEMORY
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):  # macOS refuses to set the limit.
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
        # If a request is too slow, the process that started this program kills it. The alarm ends this program if that
        # process no longer exists.
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 2 * request["seconds"])
        reply = _reply(template, request)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(reply), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
