"""Workers: what is refused before Ray starts, and how paths are written for another machine."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.workers.portable_paths import on_this_machine, portable
from toolmark.benchmark.engine.workers.ray_connection import RayConnection
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request, check


@pytest.mark.parametrize("options", [{"workers": 2}, {"ray": "auto"}])
def test_without_ray_the_error_says_what_to_install(monkeypatch, options):
    monkeypatch.setitem(sys.modules, "ray", None)
    check(Request(models=("pocket",), workers=1))
    with pytest.raises(EnvironmentFault, match=r"needs the package ray.*pip install 'toolmark\[ray\]'"):
        check(Request(models=("pocket",), **options))


@pytest.mark.parametrize("address", ["", "head:10001", "ray://head", "ray://head:port", "ray://head:10001/path"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(InputError, match="Write --ray ray://HOST:10001"):
        check(Request(models=("pocket",), ray=address))


def test_an_address_at_which_nobody_answers_is_unavailable_at_once():
    with socket.socket() as free:  # bound, but not listening
        free.bind(("127.0.0.1", 0))
        address = f"ray://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(EnvironmentFault, match=f"nothing answers at {address}.*leave --ray out"):
            RayConnection(address).open()


def test_no_worker_is_a_mistake():
    with pytest.raises(InputError, match="--workers 0 is below 1"):
        check(Request(models=("pocket",), workers=0))


def test_scenarios_are_not_spread():
    with pytest.raises(InputError, match="--workers has no meaning for scenarios"):
        Evaluation(Request(models=("pocket",), cases="scenarios", limit=2, workers=1))


def test_paths_of_packages_are_portable_and_others_are_absolute(tmp_path, monkeypatch):
    shipped = resolve("pocket-lora")
    sent = portable(shipped)
    assert all(str(path).startswith("{toolmark}") for path in (sent.base, sent.adapter))
    assert on_this_machine(sent) == shipped
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    assert portable(resolve("mine")).base == str(tmp_path / "mine")
    hub = resolve("hub/some/model:other/adapter@main")
    assert on_this_machine(portable(hub)) == hub


def test_nothing_imports_ray_without_need():
    script = "import sys, toolmark.benchmark.pytest_plugin; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=120).returncode == 0
