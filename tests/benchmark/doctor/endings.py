"""Checks that end a process in different ways. The tests run them in a process of their own."""

from __future__ import annotations

import os
import signal
import time

from toolmark.benchmark.doctor.findings import ok


def crashes():
    yield "first", lambda: ok("made")
    yield "second", lambda: os.kill(os.getpid(), signal.SIGSEGV)


def uses_up_the_memory():
    yield "first", lambda: ok("made")
    yield "second", lambda: os.kill(os.getpid(), signal.SIGKILL)  # as the system does it


def hangs():
    yield "first", lambda: ok("made")
    yield "second", lambda: time.sleep(60)


def raises():
    yield "first", lambda: ok("made")
    yield "second", lambda: {}["no such key"]


def prints():
    def loud():
        os.write(1, b"a library says something\n")
        return ok("made")

    yield "first", loud
    yield "second", lambda: ok("made, too")
