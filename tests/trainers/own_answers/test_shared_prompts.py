"""The figures of packed rows are those of TRL's padded rows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Qwen3Config

trl = pytest.importorskip("trl.trainer.utils", reason="the extra `train` is not installed")

from toolmark.trainers.own_answers.shared_prompts import share_prompts  # noqa: E402 - needs trl

SMALL = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
}
CONFIGS = {
    "gemma3": lambda: Gemma3TextConfig(
        **SMALL, sliding_window=16, layer_types=["sliding_attention", "full_attention"], final_logit_softcapping=5.0
    ),
    "llama": lambda: LlamaConfig(**SMALL),
    "qwen3": lambda: Qwen3Config(**SMALL),
}
FIGURES = ("log_probs", "entropy", "mean_logits", "is_top1")


@pytest.fixture(params=CONFIGS)
def model(request: pytest.FixtureRequest) -> Any:
    from toolmark.benchmark.engine.packed_forward import packed_forward

    torch.manual_seed(1)
    made = AutoModelForCausalLM.from_config(CONFIGS[request.param](), dtype=torch.float32)
    assert packed_forward(made) is not None
    trl.add_fused_lm_head(made, temperature=0.7, outputs=FIGURES)
    return made


def rows(side: str) -> dict[str, torch.Tensor]:
    """Two prompts with a common beginning, each with two answers, padded on one side."""
    torch.manual_seed(2)
    common = torch.randint(1, 64, (40,)).tolist()
    prompts = [[*common, 5, 6], [*common, 7, 8, 9]]
    answers = [[11, 12, 1], [13, 1], [14, 15, 16, 1], [17, 18, 1]]
    found = [prompts[number // 2] + answer for number, answer in enumerate(answers)]
    width = max(map(len, found)) + 1
    ids, mask, labels = (torch.zeros(4, width, dtype=torch.long) for _ in range(3))
    labels -= 100
    for number, row in enumerate(found):
        first = width - len(row) if side == "left" else 0
        ids[number, first : first + len(row)] = torch.tensor(row)
        mask[number, first : first + len(row)] = 1
        end = first + len(row)
        labels[number, end - len(answers[number]) : end] = torch.tensor(answers[number])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_figures_and_the_gradient_are_those_of_trl(model, side):
    given = rows(side)
    wanted = given["labels"][:, 1:] != -100
    weights = torch.randn(wanted.shape)
    found = []
    for _ in range(2):
        output = model(**given, fused_lm_head=True)
        model.zero_grad()
        (output.log_probs * weights).sum().backward()
        gradient = model.model.layers[0].self_attn.q_proj.weight.grad.clone()
        found.append((*(getattr(output, name).float() * wanted for name in FIGURES), gradient))
        share_prompts(model, 0.7)
    for expected, actual in zip(*found, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def test_a_row_without_an_answer_is_left_to_trl(model):
    given = rows("right")
    given["labels"][1] = -100
    expected = model(**given, fused_lm_head=True).log_probs
    share_prompts(model, 0.7)
    assert torch.equal(model(**given, fused_lm_head=True).log_probs, expected)
