"""Remembers the replies of a server in a file, so that an interrupted measurement asks only for the missing replies."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.engine.json_server import JsonServer

__all__ = ["RememberedServer"]


@dataclass(frozen=True)
class RememberedServer(JsonServer):
    """A server. The replies to its POST requests are stored in a file and used again.

    Attributes:
        file: The file of the replies. The server must always give the same reply to the same request.
    """

    file: Path = Path("replies.jsonl")
    known: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.file.is_file():
            whole, end, cut = self.file.read_text().rpartition("\n")
            if cut:  # the measurement was interrupted while it wrote this line
                os.truncate(self.file, len(whole) + len(end))  # the file has only ASCII characters
            rows = map(json.loads, whole.splitlines())
            self.known.update({row["request"]: row["reply"] for row in rows})

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the remembered reply, or else ask the server and remember its reply."""
        request = digest([path, body])
        if request not in self.known:
            self.known[request] = super().post(path, body)
            with self.file.open("a") as stream:
                stream.write(json.dumps({"request": request, "reply": self.known[request]}) + "\n")
        return self.known[request]
