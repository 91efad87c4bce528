"""Trains an adapter with TRL's `SFTTrainer` alone, in the way of TRL's documentation, with the options of a recipe.

A training that was interrupted resumes at its last checkpoint, as TRL does it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from toolmark.trainers.finetuning.options import LoraOptions

if TYPE_CHECKING:
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.dialects import Dialect
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["Precision", "chosen_examples", "train_with_trl"]

Precision = Literal["float32", "bfloat16"]

_ENDS = "ends.json"
"""Name of the file with the end times of all steps, in the folder of a checkpoint."""


def chosen_examples(data: TraceDataset, dialect: Dialect, base: Path, options: LoraOptions, seed: int) -> list[Encoded]:
    """Return the conversations that the trainer `lora` would train on, in the same order."""
    from toolmark.trainers.finetuning.encoded_examples import EncodedExamples
    from toolmark.trainers.finetuning.example_order import chosen_by_share

    examples = EncodedExamples(data, dialect, base, print)
    places = chosen_by_share(examples.query_types("train"), options.shares, seed)
    return [examples.of("train")[place] for place in places]


def train_with_trl(
    examples: Sequence[Encoded],
    options: LoraOptions,
    base: Path,
    out: Path,
    *,
    threads: int,
    precision: Precision,
    seed: int = 1,
    save_every: int | None = None,
) -> list[float]:
    """Train a LoRA adapter, and write it to `out`. If `out` contains a checkpoint, resume the training there.

    Args:
        examples: The conversations, as token ids with the tokens that are learnt.
        options: The options of the training. Options that TRL does not have are ignored.
        base: Folder of the base's weights.
        out: Folder of the adapter.
        threads: Number of threads of torch.
        precision: Precision of the products.
        seed: Seed of the training.
        save_every: Number of steps between two checkpoints. None means that there are no checkpoints.

    Returns:
        The end time of each optimizer step, in seconds since the start of the training. Time between an interruption
        and the resumption does not count.
    """
    import datasets  # type: ignore[import-untyped]
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    torch.set_num_threads(threads)
    rows = datasets.Dataset.from_dict(
        {
            "input_ids": [one.ids for one in examples],
            "assistant_masks": [[int(mine) for mine in one.supervised] for one in examples],
        }
    )
    written = [folder for folder in out.glob("checkpoint-*") if (folder / _ENDS).exists()]
    last = max(written, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)
    ends: list[float] = [] if last is None else json.loads((last / _ENDS).read_text())
    began = time.perf_counter() - (ends[-1] if ends else 0.0)

    class Ends(TrainerCallback):
        """Records the end time of each step."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter() - began)

        def on_save(self, args: Any, state: Any, *_: Any, **__: Any) -> None:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _ENDS).write_text(json.dumps(ends))

    config = SFTConfig(
        output_dir=str(out),
        per_device_train_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulation,
        learning_rate=options.lr,
        lr_scheduler_type=options.schedule,
        warmup_steps=options.warmup,
        max_grad_norm=options.grad_norm,
        weight_decay=0.0,
        num_train_epochs=options.epochs,
        seed=seed,
        bf16=precision == "bfloat16",
        use_cpu=True,
        gradient_checkpointing=False,  # faster, and there is enough memory
        logging_steps=1,
        save_strategy="no" if save_every is None else "steps",
        save_steps=save_every or 500,
        report_to="none",
        disable_tqdm=True,
        max_length=None,
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=config,
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=LoraConfig(
            r=options.r,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=options.target,
            task_type="CAUSAL_LM",
        ),
        callbacks=[Ends()],
    )
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
    trainer.save_model(str(out))
    for folder in out.glob("checkpoint-*"):
        shutil.rmtree(folder)
    return ends
