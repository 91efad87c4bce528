"""The number of threads follows the machine, unless the user chooses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from toolmark.benchmark.engine.thread_choice import ThreadChoice, choose_threads, use_threads
from toolmark.benchmark.engine.torch_build import processor_count

SMALL, LARGE = 3_000_000, 135_000_000


@pytest.fixture(autouse=True)
def threads_after_the_test() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_chosen_number_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    choice = choose_threads()
    assert 1 <= choice.threads <= processor_count()
    assert choice.threads in (choice.rates or {1: 0.0})
    assert all(rate > 0 for rate in choice.rates.values())


def test_one_possible_number_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert choose_threads() == ThreadChoice(1)
    monkeypatch.delenv("OMP_NUM_THREADS")
    for name, value in {"RANK": 0, "WORLD_SIZE": processor_count(), "LOCAL_WORLD_SIZE": processor_count()}.items():
        monkeypatch.setenv(name, str(value))
    assert choose_threads() == ThreadChoice(1)


def test_a_small_model_and_a_choice_of_the_user_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    use_threads(None, "cpu", SMALL)
    assert torch.get_num_threads() == 1
    use_threads(3, "cpu", LARGE)
    assert torch.get_num_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    use_threads(None, "cpu", LARGE)  # after another model, the number is chosen again
    assert torch.get_num_threads() == 1
