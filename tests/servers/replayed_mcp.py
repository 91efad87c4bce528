"""An MCP server over its pipes that answers each kind of request with the content of a file.

    python replayed_mcp.py FOLDER

The file has the name of the request's method, with `-` for `/`. The number 424242 in a file stands for the request's
id. A request without a file gets no answer. The server ends when nothing was asked for a second, so that a client that
waits for an answer notices it at once.
"""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

ID = b"424242"


def serve(folder: Path) -> None:
    pending = b""
    while select.select([0], [], [], 1.0)[0] and (read := os.read(0, 2**20)):
        *lines, pending = (pending + read).split(b"\n")
        for line in lines:
            request = json.loads(line)
            file = folder / str(request.get("method", "")).replace("/", "-")
            if file.is_file():
                os.write(1, file.read_bytes().replace(ID, json.dumps(request.get("id")).encode()) + b"\n")


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
