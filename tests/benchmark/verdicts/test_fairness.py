"""Tests which differences of two sides are reported."""

from __future__ import annotations

import pytest

from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.verdicts.fairness import mismatches, unproven_base

IDENTITY = {"model": "base", "adapter": None, "dtype": "float32", "decoding": {"max_tokens": 512}}
ENVIRONMENT = {"python": "3.11", "batch": {"rows": 32}, "platform": "here"}


def test_the_candidate_itself_is_no_difference():
    assert mismatches((IDENTITY, ENVIRONMENT), ({**IDENTITY, "model": "x", "adapter": "y"}, ENVIRONMENT)) == ()


def test_identity_comes_first_and_is_told_field_by_field():
    other = ({**IDENTITY, "dtype": "bfloat16", "decoding": {"max_tokens": 64}}, {**ENVIRONMENT, "batch": {"rows": 8}})
    found = mismatches((IDENTITY, ENVIRONMENT), other)
    assert [(each.kind, each.field, each.baseline, each.candidate) for each in found] == [
        ("identity", "decoding.max_tokens", "512", "64"),
        ("identity", "dtype", "float32", "bfloat16"),
        ("environment", "batch.rows", "32", "8"),
    ]


def test_what_one_side_did_not_record_counts_in_identity_alone():
    lacking = ({key: value for key, value in IDENTITY.items() if key != "dtype"}, {})
    assert [each.field for each in mismatches(lacking, (IDENTITY, ENVIRONMENT))] == ["dtype"]


def test_an_option_that_one_side_did_not_use_is_not_set():
    used = {**IDENTITY, "template_args": {"enable_thinking": False}}
    (found,) = mismatches((IDENTITY, {}), (used, {}))
    assert (found.field, found.baseline, found.candidate) == ("template_args.enable_thinking", "not set", "False")
    (unknown,) = mismatches(({**IDENTITY, "decoding": "not known"}, {}), ({**used, "decoding": "not known"}, {}))
    assert unknown.baseline == "not recorded"


@pytest.mark.parametrize(
    ("adapter", "record", "said"),
    [
        (None, None, ""),
        (None, {"base": {"weights": "other"}}, ""),  # without an adapter there is no base
        ("y", {"base": {"id": "m", "weights": "w"}}, ""),
        ("y", None, "no toolmark.json"),
        ("y", {"trainer": "lora"}, "no hash of the base"),
        ("y", {"base": {"id": "m", "weights": 5}}, "no hash of the base"),
        ("y", {"base": {"id": "m", "weights": "other"}}, "trained on weights other, evaluated on w"),
    ],
)
def test_only_a_hash_proves_the_base_of_an_adapter(adapter, record, said):
    found = unproven_base({"weights": "w", "adapter": adapter}, TrainingRecord.of(record))
    assert found.startswith("base identity not proven: ") if said else found == ""
    assert said in found


def test_a_served_model_names_its_parser_and_templates_are_compared_by_their_text():
    ours = ({"dialect": "native/1", "template": "hash of the files"}, {"template": "text"})
    served = ({"dialect": "native/1", "template": "text"}, {"template": "text", "server": {"kind": "llama.cpp"}})
    (parser,) = mismatches(ours, served)
    assert (parser.kind, parser.field, parser.candidate) == ("identity", "parser", "llama.cpp")
    assert parser.baseline == "the dialect"
    turns = [{**identity, "dialect": "tagged/1"} for identity, _ in (ours, served)]
    assert mismatches((turns[0], ours[1]), (turns[1], served[1])) == ()
    (template,) = mismatches((turns[0], {"template": "other"}), (turns[1], served[1]))
    assert (template.field, template.baseline, template.candidate) == ("template", "other", "text")
