"""Starts Ray on this machine, or connects to a Ray cluster.

A cluster that is started here is only for this process: it listens on the loopback address, needs a random token, has
no dashboard, sends no statistics of use, and ends with this process.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.progress import phase

__all__ = ["RayConnection", "check_address", "check_installed"]

_SECONDS_TO_ANSWER = 5.0
"""A cluster that does not accept a connection within this time counts as unavailable."""

_FOLDER = "toolmark-ray-"
"""The beginning of the name of a folder for Ray. The ID of the process follows."""

_STARTS = 3
"""How often Ray is started, or asked for a connection."""

_OBJECT_STORE = 200 * 2**20
"""Size of Ray's shared memory on this machine, in bytes. Only messages above `_LONGEST_MESSAGE` use this memory."""

_LONGEST_MESSAGE = str(256 * 2**20)
"""Largest number of bytes that are sent to a worker, or back, without the shared memory. This is far above a shard."""

_NO_STATISTICS = {"RAY_USAGE_STATS_ENABLED": "0"}


def check_installed(option: str) -> None:
    """Check that Ray is installed, without importing it.

    Args:
        option: The option that needs Ray, as the user wrote it.

    Raises:
        EnvironmentFault: Ray is not installed.
    """
    if find_spec("ray") is None:
        raise EnvironmentFault(f"{option} needs the package ray, which is not installed", _INSTALL)


_INSTALL = "Install it: pip install 'toolmark[ray]'"


def check_address(address: str) -> None:
    """Check the form of the address of a cluster.

    Raises:
        InputError: The address has another form.
    """
    if address != "auto" and _host_and_port(address) is None:
        raise InputError(
            f"--ray {address} is not the address of a Ray cluster",
            "Write --ray ray://HOST:10001. On a machine of the cluster, write --ray auto",
        )


def _host_and_port(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address)
        if parts.scheme == "ray" and parts.hostname and parts.port and not parts.path:
            return parts.hostname, parts.port
    except ValueError:  # the port is not a number
        pass
    return None


class RayConnection:
    """The connection of this process to Ray.

    Args:
        address: The address of a cluster. None if Ray is started on this machine.
        processors: Number of processors that workers on this machine can use together. None if there is an address.

    Attributes:
        address: The address of the cluster. None if Ray is started on this machine.
    """

    def __init__(self, address: str | None, processors: int | None = None) -> None:
        self.address, self._processors = address, processors
        self._folder: str | None = None
        self._is_ours = False

    def open(self) -> ModuleType:
        """Start Ray, or connect to the cluster. Return the module `ray`.

        If this process is already connected to Ray, this connection is used.

        Raises:
            EnvironmentFault: Nothing answers at the address, or Ray cannot start.
        """
        if self.address is not None:
            self._reach(self.address)
        with _variables(_NO_STATISTICS if self.address else _local_variables()), _own_signals():
            ray = import_module("ray")
            if not ray.is_initialized():
                with phase("starting Ray" if self.address is None else f"connecting to {self.address}"):
                    self._is_ours = True
                    self._init(ray)
        return ray

    def _init(self, ray: ModuleType) -> None:
        # Ray waits only 30 seconds for the processes that it starts, here or in a cluster. A busy machine needs longer.
        for tries_left in reversed(range(_STARTS)):
            try:
                self._init_once(ray)
            except Exception as error:  # Ray has no common class for the errors of `init`.
                if tries_left:
                    self._remove_folder()
                    continue
                what = "Ray cannot be started" if self.address is None else f"no connection to {self.address}"
                reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
                raise EnvironmentFault(f"{what}: {reason}", self._fix) from error
            return

    def _init_once(self, ray: ModuleType) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL, "namespace": "toolmark"}
        if self.address is None or _host_and_port(self.address) is None:  # Ray Client never adds the current folder.
            options["job_config"] = _without_current_folder(ray)
        if self.address is not None:
            ray.init(self.address, **options)
            return
        self._folder = _new_folder()
        ray.init(
            "local",
            num_cpus=self._processors,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE,
            _temp_dir=self._folder,
            _node_ip_address="127.0.0.1",
            **options,
        )

    def _reach(self, address: str) -> None:
        place = _host_and_port(address)
        if place is None:
            return
        try:
            socket.create_connection(place, _SECONDS_TO_ANSWER).close()
        except OSError as error:
            raise EnvironmentFault(f"nothing answers at {address}: {error.strerror or error}", self._fix) from None

    @property
    def _fix(self) -> str:
        if self.address is None:
            return "Leave --workers out. Then the answers are generated in this process."
        return (
            "Check that the cluster runs (ray status), and that it has the same versions of Ray and Python as this "
            "machine. Or leave --ray out."
        )

    def close(self) -> None:
        """End the connection. If Ray was started here, end Ray."""
        if self._is_ours:
            with _own_signals():
                import_module("ray").shutdown()
            self._is_ours = False
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _new_folder() -> str:
    """Return a new folder for the sockets and logs of Ray. Folders of processes that were killed are removed.

    The paths of sockets must be short, so the folder is directly in `/tmp` if there is such a folder.
    """
    import psutil

    place = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir())  # noqa: PTH112, S108 - mkdtemp is safe
    for left in place.glob(f"{_FOLDER}*"):
        owner = left.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=place)


@cache
def _local_variables() -> Mapping[str, str]:
    """Return the variables for Ray on this machine. Ray reads the token only once in a process."""
    return {
        **_NO_STATISTICS,
        # Ray then listens on the loopback address. Otherwise it listens on all addresses of the machine.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # Workers have the priority of this process. By default, Ray gives them a lower one.
        "RAY_worker_niceness": "0",
        # Messages do not use the shared memory, whose server is the raylet. If the raylet has died, a process that
        # writes to this memory ends at once, without an error.
        "RAY_max_direct_call_object_size": _LONGEST_MESSAGE,
        "RAY_task_rpc_inlined_bytes_limit": _LONGEST_MESSAGE,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the `with` block. The processes that Ray starts inherit them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore the handler of SIGTERM after the `with` block, because Ray replaces it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


def _without_current_folder(ray: ModuleType) -> object:
    """Return a job configuration with which workers do not import modules from the current folder.

    Otherwise Ray puts the folder of the driver in front of the search path, and a downloaded folder can contain a
    `torch.py`.
    """
    return ray.job_config.JobConfig(_client_job=True)
