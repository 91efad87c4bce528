"""Keeps Inspect from reading `.env`.

During an evaluation, Inspect makes environment variables of all lines of the nearest `.env`. A folder that is
downloaded can contain this file. A line could then send the requests of a served model to another address
(`OPENAI_BASE_URL`), charge them to another account (`OPENAI_API_KEY`), or run code (`PYTHONPATH`). Toolmark itself
reads only the lines `TOOLMARK_*`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from dotenv import dotenv_values

from toolmark.benchmark.core.printing import console, printable
from toolmark.benchmark.core.secrets import names_secret

__all__ = ["mention_dotenv", "without_dotenv"]

_ADDRESS = re.compile(r"_(?:BASE_URL|API_BASE|ENDPOINT)$")


@contextmanager
def without_dotenv() -> Iterator[None]:
    """Let Inspect find no `.env`. Inspect has no option for this."""
    from inspect_ai._util import dotenv

    names = vars(dotenv)
    find = names.get("find_dotenv")
    names["find_dotenv"] = lambda *_, **__: ""
    try:
        yield
    finally:
        names["find_dotenv"] = find


@cache
def mention_dotenv(folder: Path) -> None:
    """Say which API keys and addresses in the `.env` of a folder are not used. They are mentioned only once."""
    file = folder / ".env"
    try:
        named = dotenv_values(file, encoding="utf-8-sig", interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError):
        return
    unused = sorted(name for name in named if (names_secret(name) or _ADDRESS.search(name)) and name not in os.environ)
    if unused:
        console(stderr=True).print(
            printable(
                f"toolmark: {', '.join(unused)[:300]} in .env: not used, because a downloaded folder can contain this "
                "file. If you trust it, load it in your shell: set -a; . ./.env; set +a"
            ),
            soft_wrap=True,
        )
