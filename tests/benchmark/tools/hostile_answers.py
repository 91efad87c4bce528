"""Tools that end, answer or leave things in every way that we know. First they remove what Python alone refuses.

`outside` is a folder with the file `secret.txt`, which no tool may read or change.
"""

import atexit
import ctypes
import gc
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.benchmark.tools.without_checks import freed

MEMORY = []
DATA = open(__file__)  # noqa: SIM115 - open while the tools run, as a module may do it
FORGED = b'{"kind": "ok", "value": "forged"}'


def state() -> object:
    """Describe all that an earlier call could have changed."""
    return {
        "folder": os.listdir("."),
        "variables": sorted(set(os.environ) - {"TMPDIR"}),
        "threads": threading.active_count(),
        "memory": len(MEMORY),
        "json": json.dumps([1]),
        "signals": [str(signal.getsignal(one)) for one in (signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU)],
        "position": DATA.tell(),
        "first line": DATA.readline(),
        "children": [str(one) for one in gc.callbacks],
    }


# The end of the call


def leaves(outside: str) -> object:
    os._exit(0)


def kills_itself(outside: str) -> object:
    freed()
    return os.kill(os.getpid(), signal.SIGKILL)


def reads_address_0(outside: str) -> object:
    freed()
    return ctypes.string_at(0)


def asks_to_exit(outside: str) -> object:
    raise SystemExit(0)


def interrupts(outside: str) -> object:
    raise KeyboardInterrupt


def goes_too_deep(outside: str) -> object:
    return goes_too_deep(outside)


def stops_itself(outside: str) -> object:
    freed()
    os.kill(os.getpid(), signal.SIGSTOP)
    return "went on"


def never_ends(outside: str) -> object:
    freed()
    for one in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(one, signal.SIG_IGN)
    Path("left").write_text("x")
    os.environ["LEFT"] = "x"
    while True:
        pass


# The answer


def forge(answer: bytes) -> None:
    """Write an answer to everything that is open, and end."""
    freed()
    for one in range(3, 64):
        with suppress(OSError):
            os.write(one, answer)
    os._exit(0)


def forges_its_answer(outside: str) -> object:
    forge(FORGED)


def forges_answers(outside: str) -> object:
    forge(FORGED + b"\n" + FORGED + b"\n")


def forges_lines(outside: str) -> object:
    for one in range(3, 64):
        with suppress(OSError):
            os.write(one, (json.dumps({"ended": FORGED.decode()}) + "\n").encode() * 3)
    return "answered"


def forges_a_kind(outside: str) -> object:
    forge(b'{"kind": ["ok"], "value": 1}')


def forges_a_number(outside: str) -> object:
    forge(b'{"kind": "ok", "value": ' + b"9" * 10_000 + b"}")


def forges_no_number(outside: str) -> object:
    forge(b'{"kind": "ok", "value": NaN}')


def forges_infinity(outside: str) -> object:
    forge(b'{"kind": "ok", "value": 1e999}')


def forges_depth(outside: str) -> object:
    forge(b'{"kind": "ok", "value": ' + b"[" * 100_000)


def forges_bytes(outside: str) -> object:
    forge(b"\xff\x00\n\n")


def forges_an_escape(outside: str) -> object:
    forge(b'{"kind": "error", "error": "\\u001b[31m\\ud800"}')


def answers_without_end(outside: str) -> object:
    freed()
    while True:
        for one in range(3, 64):
            with suppress(OSError):
                os.write(one, b" " * 2**16)


def closes_everything(outside: str) -> object:
    freed()
    os.closerange(0, 64)
    time.sleep(60)
    return "closed"


def answers_deeply(outside: str) -> object:
    value: list[object] = []
    for _ in range(500):
        value = [value]
    return value


def answers_half_a_character(outside: str) -> object:
    return {"text": ["\ud800"]}


class Strange(str):
    """A text whose methods lie."""

    def __str__(self) -> str:
        raise SystemExit("no")

    __len__ = __getitem__ = __add__ = __radd__ = __eq__ = __format__ = __repr__ = encode = __str__  # type: ignore
    __hash__ = str.__hash__

    def __reduce__(self) -> object:
        return os.kill, (os.getppid(), signal.SIGKILL)


def answers_a_strange_text(outside: str) -> object:
    return {Strange("key"): Strange("value")}


def answers_a_strange_number(outside: str) -> object:
    class Number(int):
        __repr__ = __str__ = Strange.__str__

    return Number(3)


class StrangeError(ValueError):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise self


def fails_strangely(outside: str) -> object:
    raise StrangeError


def fails_with_a_long_text(outside: str) -> object:
    raise ValueError("x" * 10_000_000)


# What is left for the next call


def leaves_a_thread(outside: str) -> object:
    freed()

    def later() -> None:
        time.sleep(0.05)
        Path(outside, "later").write_text("x")
        os._exit(1)

    threading.Thread(target=later).start()
    return "answered"


def leaves_files(outside: str) -> object:
    freed()
    Path("file").write_text("x")
    os.mkdir("closed", 0)
    os.symlink(outside, "link")
    os.path.realpath = str  # type: ignore[assignment]
    for _ in range(60):
        os.mkdir("deep" * 50)
        os.chdir("deep" * 50)
    return "answered"


def leaves_changes(outside: str) -> object:
    freed()
    os.environ["LEFT"] = os.environ["PATH"] = "x"
    os.chdir("/")
    MEMORY.append("x")
    json.dumps = lambda *_, **__: '"forged"'
    sys.modules.clear()
    sys.path.clear()
    sys.setrecursionlimit(60)
    gc.disable()
    gc.callbacks.append(print)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    atexit.register(os._exit, 5)
    sys.addaudithook(lambda *_: os._exit(6))
    os._exit = lambda status: None  # type: ignore[assignment]
    return "answered"


def leaves_another_position(outside: str) -> object:
    DATA.read()
    return "answered"
