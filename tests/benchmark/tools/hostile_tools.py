"""Tools that try to reach what is outside their call. First they remove what Python alone refuses.

`outside` is a folder with the file `secret.txt`, which no tool may read or change.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.benchmark.tools.without_checks import c, freed

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
