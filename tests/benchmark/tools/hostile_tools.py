"""Tools that misbehave in every way that we know. First they remove what Python alone refuses.

`outside` is a folder with the file `secret.txt`, which no tool may read or change.
"""

import atexit
import ctypes
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

MEMORY = []
DATA = open(__file__)  # noqa: SIM115 - open while the tools run, as a module may do it
FORGED = b'{"kind": "ok", "value": "forged"}'


def freed() -> None:
    """Remove the checks that are made of Python code."""
    from toolmark.benchmark.tools.confinement import audit_hook

    for name, value in list(vars(audit_hook).items()):
        if callable(value):
            setattr(audit_hook, name, lambda *_, **__: None)


def c(name: str, *arguments: object) -> int:
    """Call a function of the C library."""
    freed()
    library = ctypes.CDLL(None, use_errno=True)
    result: int = getattr(library, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def state() -> object:
    """Describe all that an earlier call could have changed."""
    tools = sys.modules[freed.__module__]
    return {
        "folder": os.listdir("."),
        "variables": sorted(set(os.environ) - {"TMPDIR"}),
        "threads": threading.active_count(),
        "memory": len(tools.MEMORY),
        "json": json.dumps([1]),
        "signals": [str(signal.getsignal(one)) for one in (signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU)],
        "position": DATA.tell(),
        "first line": DATA.readline(),
        "children": [str(one) for one in gc.callbacks],
    }


# Files


def reads(outside: str) -> object:
    freed()
    return Path(outside, "secret.txt").read_text()


def reads_by_link(outside: str) -> object:
    freed()
    os.symlink(outside, "link")
    return Path("link/secret.txt").read_text()


def reads_by_climbing(outside: str) -> object:
    freed()
    os.chdir(outside)
    return open("secret.txt").read()


def lists(outside: str) -> object:
    freed()
    return os.listdir(outside)


def writes(outside: str) -> object:
    freed()
    return Path(outside, "new").write_text("x")


def appends(outside: str) -> object:
    freed()
    with open(Path(outside, "secret.txt"), "a") as file:
        return file.write("x")


def truncates(outside: str) -> object:
    freed()
    os.truncate(Path(outside, "secret.txt"), 0)
    return "truncated"


def truncates_by_reading(outside: str) -> object:
    freed()
    return os.open(Path(outside, "secret.txt"), os.O_RDONLY | os.O_TRUNC)


def deletes(outside: str) -> object:
    freed()
    return os.unlink(Path(outside, "secret.txt"))


def renames(outside: str) -> object:
    freed()
    return os.rename(Path(outside, "secret.txt"), "mine")


def links(outside: str) -> object:
    freed()
    os.link(Path(outside, "secret.txt"), "mine")
    return Path("mine").read_text()


def makes_a_folder(outside: str) -> object:
    freed()
    return os.mkdir(Path(outside, "new"))


def changes_the_mode(outside: str) -> object:
    freed()
    return os.chmod(Path(outside, "secret.txt"), 0o777)


def changes_the_time(outside: str) -> object:
    freed()
    return os.utime(Path(outside, "secret.txt"), (1, 1))


def changes_an_attribute(outside: str) -> object:
    freed()
    return os.setxattr(Path(outside, "secret.txt"), "user.mine", b"x")


def changes_a_library(outside: str) -> object:
    freed()
    with open(json.__file__, "a") as file:
        return file.write("\n")


def reads_the_scratch_folder_of_the_worker(outside: str) -> object:
    freed()
    return os.listdir("..")


# The network


def connects(outside: str) -> object:
    freed()
    port = int(outside.rpartition("-")[2])
    return str(socket.create_connection(("127.0.0.1", port), 1))


def sends_a_datagram(outside: str) -> object:
    freed()
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))


def connects_to_a_local_socket(outside: str) -> object:
    freed()
    return socket.socket(socket.AF_UNIX).connect(str(Path(outside, "socket")))


def sends_by_a_pair_of_sockets(outside: str) -> object:
    freed()
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"x", str(Path(outside, "socket")))


def listens(outside: str) -> object:
    freed()
    return str(socket.create_server(("127.0.0.1", 0)))


def asks_the_kernel_for_a_ring(outside: str) -> object:
    freed()
    return c("syscall", 425, 8, ctypes.create_string_buffer(200))


# Other processes


def forks(outside: str) -> object:
    freed()
    return os.fork()


def forks_without_python(outside: str) -> object:
    return c("fork")


def runs_a_program(outside: str) -> object:
    freed()
    return subprocess.run(["id"], capture_output=True, check=True).returncode


def becomes_a_program(outside: str) -> object:
    freed()
    return os.execv(sys.executable, [sys.executable, "-c", "print(1)"])


def kills_the_worker(outside: str) -> object:
    freed()
    return os.kill(os.getppid(), signal.SIGKILL)


def stops_the_group(outside: str) -> object:
    freed()
    return os.killpg(0, signal.SIGSTOP)


def kills_everybody(outside: str) -> object:
    return c("kill", -1, 9)


def kills_by_a_descriptor(outside: str) -> object:
    freed()
    return signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGKILL)


def kills_by_a_pipe(outside: str) -> object:
    import fcntl

    freed()
    pipe, _ = os.pipe()
    return fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getppid())


def leaves_the_group(outside: str) -> object:
    freed()
    os.setsid()
    return "left"


def traces_the_worker(outside: str) -> object:
    return c("ptrace", 16, os.getppid(), 0, 0)


def reads_memory_of_the_worker(outside: str) -> object:
    freed()
    return len(Path(f"/proc/{os.getppid()}/mem").open("rb").read(1))


def reads_variables_of_the_worker(outside: str) -> object:
    freed()
    return Path(f"/proc/{os.getppid()}/environ").read_text()


def slows_the_worker_down(outside: str) -> object:
    freed()
    return os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)


# Its own limits


def raises_its_limits(outside: str) -> object:
    freed()
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    return "raised"


def raises_the_limits_of_the_worker(outside: str) -> object:
    freed()
    resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))
    return "lowered"


def gets_a_world_of_its_own(outside: str) -> object:
    return c("unshare", 0x10000000 | 0x00020000)


def becomes_root_again(outside: str) -> object:
    return c("mount", b"none", outside.encode(), b"tmpfs", 0, None)


def keeps_memory_outside(outside: str) -> object:
    freed()
    return os.memfd_create("mine")


def keeps_shared_memory(outside: str) -> object:
    return c("shmget", 0, 4096, 0o1600)


def takes_memory(outside: str) -> object:
    return len(bytearray(2**31))


def opens_files_without_end(outside: str) -> object:
    freed()
    return [os.open("/dev/urandom", os.O_RDONLY) for _ in range(100_000)]


def writes_a_large_file(outside: str) -> object:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open("large", "wb") as file:
        file.seek(2**40)
        return file.write(b"x")


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
