"""Private or undocumented interfaces of the trainers of transformers and TRL: one test for each."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


# transformers and trl: the trainer (trainers/finetuning/example_trainer.py, finetune.py, checkpoint_files.py)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("_get_train_sampler", ["self", "train_dataset"]),
        ("get_batch_samples", ["self", "epoch_iterator", "num_batches", "device"]),
        ("compute_loss", ["self", "model", "inputs", "return_outputs", "num_items_in_batch"]),
        ("log", ["self", "logs", "start_time"]),
    ],
)
def test_the_methods_that_our_trainer_overrides_have_the_same_parameters(method, expected):
    from trl.trainer.sft_trainer import SFTTrainer

    assert parameters(getattr(SFTTrainer, method)) == expected, f"ExampleTrainer overrides {method}"


@pytest.mark.parametrize("kind", ["sft", "dpo", "grpo"])
def test_trls_trainers_write_a_model_card_with_a_method_of_the_object(kind):
    trainer = getattr(import_module(f"trl.trainer.{kind}_trainer"), f"{kind.upper()}Trainer")
    assert parameters(trainer.create_model_card) == ["self", "model_name", "dataset_name", "tags"]
    assert "self.create_model_card(" in inspect.getsource(trainer), "training_run.py replaces this method"


@pytest.mark.parametrize("name", ["model_accepts_loss_kwargs", "_get_train_sampler", "get_batch_samples("])
def test_transformers_reads_what_our_trainer_sets(name):
    from transformers import Trainer

    assert f"self.{name}" in inspect.getsource(Trainer), f"Trainer does not use {name} any more: see ExampleTrainer"


def test_trl_keeps_its_metrics_where_our_trainer_clears_them():
    from trl.trainer.sft_trainer import SFTTrainer

    source = inspect.getsource(SFTTrainer)
    assert "self._metrics = {" in source, "ExampleTrainer.log clears SFTTrainer._metrics"
    assert '"skip_prepare_dataset"' in source, "finetune.py passes indices instead of texts with skip_prepare_dataset"


# trl: trainings on own answers (trainers/own_answers)


def test_trls_dpo_trainer_has_what_ours_overrides():
    from trl.trainer.dpo_trainer import DPOTrainer

    assert parameters(DPOTrainer._prepare_dataset)[:2] == ["self", "dataset"], "_PairTrainer passes indices instead"
    assert parameters(DPOTrainer.compute_loss) == ["self", "model", "inputs", "return_outputs", "num_items_in_batch"]
    assert 'model.add_adapter("ref", default_config)' in inspect.getsource(DPOTrainer), "the reference is the start"


def test_trls_pairs_are_padded_as_our_rows_expect():
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    rows = [{"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4, 5]}]
    found = DataCollatorForPreference(pad_token_id=0)(rows)
    assert found["input_ids"].tolist() == [[1, 2, 3, 0], [1, 2, 4, 5]]
    assert found["completion_mask"].tolist() == [[0, 0, 1, 0], [0, 0, 1, 1]]
    assert found["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize(
    "read",
    [
        "output = self.rollout_func(prompts, self)",
        'required_keys = {"prompt_ids", "completion_ids", "logprobs"}',
        "extra_fields = {k: v for k, v in output.items() if k not in required_keys}",
    ],
)
def test_trls_grpo_trainer_takes_answers_of_our_engine(read):
    from trl.trainer.grpo_trainer import GRPOTrainer

    assert read in inspect.getsource(GRPOTrainer._generate), "reward_training.py passes a rollout_func"


def test_trls_grpo_trainer_samples_once_a_step_and_needs_no_logprobs_of_ours():
    from trl.trainer.grpo_trainer import GRPOTrainer

    source = inspect.getsource(GRPOTrainer._generate_and_score_completions)
    assert "if sampling_per_token_logps_list is not None:" in source, "reward_training.py returns None as logprobs"
    assert "inp[key] = values[i]" in source, "the results of answers do not reach the reward function"
    assert "self._step % generate_every == 0" in inspect.getsource(GRPOTrainer._prepare_inputs), (
        "a resumed training samples at the same steps only if TRL counts from the last checkpoint"
    )
    assert 'model.add_adapter("ref", default_config)' in inspect.getsource(GRPOTrainer), "the reference is the start"


def test_trl_repeats_each_question_for_its_answers():
    from trl.trainer.utils import RepeatSampler

    order = list(RepeatSampler([7, 8], mini_repeat_count=3, batch_size=2, repeat_count=1, shuffle=False))
    assert order == [0, 0, 0, 1, 1, 1], "_Rollouts takes every third prompt of three answers"


def test_trls_trainers_ask_the_model_for_what_packed_rows_give():
    from dataclasses import fields

    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.grpo_trainer import GRPOTrainer
    from trl.trainer.utils import FusedCausalLMOutput

    known = {"log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1", "label_mask", "aux_loss", "loss"}
    given = {field.name for field in fields(FusedCausalLMOutput)}
    assert known <= given, "trainers/own_answers/shared_prompts.py makes this output"
    for asking in (DPOTrainer._compute_loss, GRPOTrainer._get_per_token_logps_and_entropies):
        assert "fused_lm_head=True" in inspect.getsource(asking), "share_prompts waits for this argument"


def test_trl_lets_us_turn_activation_checkpointing_off(tmp_path):
    from trl.trainer.sft_config import SFTConfig

    config = SFTConfig(
        output_dir=str(tmp_path), use_cpu=True, bf16=False, gradient_checkpointing=None, activation_checkpointing=False
    )
    assert not config.gradient_checkpointing, "finetune.py would train with checkpointing, which is slower"


def test_transformers_reads_the_number_of_gpus_where_we_set_it(tmp_path):
    from transformers import TrainingArguments

    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    arguments._n_gpu = 3
    assert arguments.n_gpu == 3, "trainers/finetuning/finetune.py sets _n_gpu, so that one GPU is used"


def test_transformers_names_checkpoints_as_we_look_for_them():
    from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

    assert PREFIX_CHECKPOINT_DIR == "checkpoint", "checkpoint_files.py looks for the folders checkpoint-N"


def test_transformers_counts_tokens_where_our_trainer_counts():
    from transformers import TrainerState

    assert TrainerState().num_input_tokens_seen == 0, "ExampleTrainer counts the tokens of a training there"
