"""A command that is interrupted ends, even if it never comes back from a computation."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

COMPUTE = """
import hashlib, threading
from toolmark.benchmark.core.interruption import interruptible
with interruptible():
    threading.Timer(0.3, print, ["started"], {"flush": True}).start()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""
CLEAN_UP = """
import signal, time
from toolmark.benchmark.core.interruption import interruptible
with interruptible():
    try:
        print("started", flush=True)
        signal.pause()
    finally:
        time.sleep(1)
        print("cleaned up", flush=True)
"""


def interrupted(script: str, *numbers: signal.Signals) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, "--fresh", "two words"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        for number in numbers:
            process.send_signal(number)
        out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_a_computation_that_does_not_return_is_ended():
    ended = interrupted(COMPUTE, signal.SIGTERM)
    assert ended.returncode == 2
    assert ended.stderr == "Interrupted. To continue, run: -c 'two words'\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_interrupt_the_cleaning_up(number):
    ended = interrupted(CLEAN_UP, signal.SIGHUP, number)
    assert ended.stdout == "cleaned up\n"
    assert "KeyboardInterrupt" in ended.stderr
    assert ended.returncode == 2
