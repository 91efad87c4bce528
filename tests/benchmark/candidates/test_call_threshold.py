"""A threshold for calls is the end of a spec, and part of the identity of the candidate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolmark.benchmark.candidates.call_threshold import split_threshold, threshold_text
from toolmark.benchmark.candidates.fingerprint import identity, run_key
from toolmark.benchmark.candidates.spec import resolve, with_adapter
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.evaluation.request import Request, check_candidates
from toolmark.benchmark.verdicts.fairness import mismatches


def test_it_is_the_end_of_a_spec():
    plain = resolve("pocket:pocket-lora")
    found = resolve("pocket:pocket-lora@call>0.35", threshold=True)
    assert found == replace(plain, name="pocket-lora@call>0.35", call_threshold=0.35)
    assert with_adapter(resolve("pocket"), "pocket-lora@call>0.35") == found
    assert resolve("pocket@call>0", threshold=True).call_threshold == 0
    assert split_threshold(f"a:b{threshold_text(1e-07)}") == ("a:b", 1e-07)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("pocket@call>2", "'2' in pocket@call>2 is not a number from 0 to 1"),
        ("pocket@call>nan", "is not a number from 0 to 1"),
        ("pocket@call>", "'' in pocket@call> is not a number"),
        ("pocket@call>0.3:pocket-lora", "stands before the adapter"),
        ("policy/never@call>0.3", "policy/never cannot have a threshold for calls"),
        ("openai/gpt-4.1@call>0.3", "because Toolmark does not choose its tokens"),
    ],
)
def test_wrong_thresholds(spec, said):
    with pytest.raises(InputError) as error:
        resolve(spec, threshold=True)
    assert said in str(error.value)


def test_commands_that_cannot_use_it_refuse_it():
    with pytest.raises(InputError, match="Leave the threshold out: pocket"):
        resolve("pocket@call>0.35")
    with pytest.raises(InputError, match=r"--adapter pocket-lora@call>0\.3"):
        with_adapter(resolve("pocket@call>0.3", threshold=True), "pocket-lora")


def test_sampling_is_refused():
    candidate = resolve("pocket@call>0.35", threshold=True)
    with pytest.raises(InputError, match="needs --temperature 0"):
        check_candidates(Request(models=("pocket@call>0.35",), temperature=0.7), [candidate])


def test_it_is_part_of_the_identity_and_no_unfair_difference(pocket):
    made = [
        identity(resolve(spec, threshold=True), Weights(pocket), Tagged(), Decoding(), "float32")
        for spec in ("pocket", "pocket@call>0.35", "pocket@call>0.4")
    ]
    assert len({run_key(one) for one in made}) == 3
    assert "call_threshold" not in made[0]
    assert mismatches((made[0], {}), (made[1], {})) == ()
