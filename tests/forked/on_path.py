"""`toolmark` for scripts: a command on PATH that runs as a fork of a warm process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Listener
from pathlib import Path

from tests.forked.commands import Commands

__all__ = ["on_path"]

_KEY = b"the tests"

_COMMAND = """\
#!{python} -IS
import os, sys
from multiprocessing.connection import Client

with Client({address!r}, authkey={key!r}) as connection:
    connection.send((sys.argv[1:], os.getcwd(), dict(os.environ)))
    out, err, code = connection.recv()
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


@contextmanager
def on_path(commands: Commands, folder: Path) -> Iterator[Path]:
    """Write the command `toolmark` into `folder`, and run it by `commands` until the context ends.

    The command runs in the folder and with the environment of its caller. What it prints is printed when it has ended.
    """
    with Listener(("127.0.0.1", 0), authkey=_KEY) as listener:

        def serve() -> None:
            while True:
                with listener.accept() as connection:
                    request = connection.recv()
                    if request is None:
                        return
                    arguments, cwd, environment = request
                    ended = commands.start("toolmark", *arguments, cwd=Path(cwd), environment=environment).wait()
                    connection.send((ended.stdout, ended.stderr, ended.returncode))

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        command = folder / "toolmark"
        command.write_text(_COMMAND.format(python=sys.executable, address=listener.address, key=_KEY))
        command.chmod(0o755)
        try:
            yield command
        finally:
            from multiprocessing.connection import Client

            with Client(listener.address, authkey=_KEY) as connection:
                connection.send(None)
            server.join(10)
