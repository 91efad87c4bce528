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
STEP = """
import time
from toolmark.benchmark.core.interruption import interruptible, uninterrupted
with interruptible():
    with uninterrupted():
        print("started", flush=True)
        time.sleep(0.5)
        print("completed", flush=True)
    print("not interrupted")
"""
LOST = """
import time
from toolmark.benchmark.core.interruption import interruptible
with interruptible():
    try:
        print("started", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(60)
"""
CLEAN_UP = """
import signal, time
from toolmark.benchmark.core.interruption import interruptible
with interruptible():
    try:
        print("started", flush=True)
        signal.pause()
    finally:
        print("started", flush=True)
        time.sleep(0.5)
        print("cleaned up", flush=True)
"""


def interrupted(script: str, *numbers: signal.Signals) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, "--fresh", "two words"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for number in numbers:
            assert process.stdout.readline() == "started\n"
            process.send_signal(number)
        try:
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
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


def test_a_step_that_must_not_be_interrupted_is_completed():
    ended = interrupted(STEP, signal.SIGTERM)
    assert ended.stdout == "completed\n"
    assert "KeyboardInterrupt" in ended.stderr


def test_an_interruption_that_a_library_catches_is_repeated():
    ended = interrupted(LOST, signal.SIGHUP)
    assert ended.stderr.endswith("KeyboardInterrupt\n"), ended.stderr
    assert ended.returncode == 2
