"""One fine-tuning from start to end: model, order, loop with checkpoints, choice, what is left behind.

OUT/checkpoints/plan.json         what was measured at the start, so that a killed training goes on the same way
OUT/checkpoints/curve.jsonl       a line a step of this session, for whoever watches
OUT/checkpoints/checkpoint-N/     weights, optimizer, random state; whole where the file `complete` is in it
OUT/adapter_model.safetensors     the chosen one, when training is done; then the checkpoints are removed
"""

from __future__ import annotations

import json
import math
import shutil
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets  # type: ignore[import-untyped]
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from transformers import AutoModelForCausalLM, PreTrainedModel, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.utils import logging
from trl.trainer.sft_config import SFTConfig

from toolmark.benchmark.candidates.spec import resolve, table
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.local_engine import default_device
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.plugins.protocols import DevFigure, Trained
from toolmark.trainers.finetuning.adapted_linear import AdaptedLinear
from toolmark.trainers.finetuning.checkpoint_choice import Scores, choose
from toolmark.trainers.finetuning.example_order import arrange, mixed
from toolmark.trainers.finetuning.example_trainer import ExampleTrainer, Layout, Weights, packed_rows, padded_rows
from toolmark.trainers.finetuning.precision_choice import Pace, measured_pace

if TYPE_CHECKING:
    from toolmark.benchmark.candidates.spec import Candidate
    from toolmark.benchmark.engine.encoding import Encoded
    from toolmark.benchmark.plugins.protocols import Training
    from toolmark.trainers.lora import LoraOptions

__all__ = ["finetune"]

COMPLETE = "complete"
_LEFT_BEHIND = ("*.safetensors", "*.json", "*.jinja")
_PRIVATE = ("trainer_state.json", "dev.json")
"""Of a checkpoint's files those that belong to the training and not to the weights."""


def finetune(base: Candidate | None, out: Path, options: LoraOptions, ctx: Training) -> Trained:
    """As `LoraTrainer.train`."""
    if base is None or ctx.weights is None:
        raise InputError("there is no base to fine-tune", "Name one: --base pocket")
    work = out / "checkpoints"
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(ctx.seed)
    model = _model(ctx.weights, options)
    examples = ctx.examples("train")
    places = mixed(ctx.kinds("train"), options.mix, ctx.seed)
    if not places:
        raise InputError(
            f"the mix {options.mix} leaves none of {len(examples)} conversations",
            f"The data has: {', '.join(sorted(set(ctx.kinds('train'))))}. Take all with: --mix '{{}}'",
        )
    chosen = [examples[place] for place in places]
    order = arrange(chosen, options.order, options.together, options.epochs, ctx.seed)
    layout: Layout = packed_rows if packed_forward(_plain(model)) is not None else padded_rows
    pace = _pace(work, model, layout, chosen, order, options)
    torch.set_num_threads(pace.threads)
    ctx.say(f"Training on {len(chosen)} conversations ({layout.__name__.replace('_', ' ')}); {pace.why}.")

    validation = _validation(ctx, options)
    weights = _weights(ctx, options, places)
    trainer = _trainer(model, layout, chosen, weights, order, validation, work, options, pace, ctx)
    scores = Scores(ctx.score_dev)
    watch = _Watch(work, ctx, scores)
    trainer.add_callback(watch)
    try:
        known = _whole(work)
        trainer.train(resume_from_checkpoint=str(known[max(known)]) if known else None)
    except (KeyboardInterrupt, OSError, Diverged) as error:
        _explain(error, work)
        raise
    steps = _whole(work)
    history = trainer.state.log_history
    figures = {step: scores.of(folder) for step, folder in steps.items()}
    losses = {int(point["step"]): float(point["eval_loss"]) for point in history if "eval_loss" in point}
    choice = choose(figures, losses, options.choose)
    ctx.say(f"Kept {choice.why}.")
    _leave(steps[choice.step], out, base)
    shutil.rmtree(work)
    shutil.rmtree(out / "dev", ignore_errors=True)
    ends = [float(point["loss"]) for point in history if "loss" in point][-50:]
    return Trained(
        tokens=int(trainer.state.num_input_tokens_seen),
        seconds=watch.seconds,
        losses={"loss": round(sum(ends) / len(ends), 4)} | ({"eval_loss": losses[choice.step]} if losses else {}),
        curve=_curve(history, figures),
        chosen_step=choice.step,
        settings={"threads": pace.threads, "precision": pace.precision},
    )


class Diverged(Exception):
    """The loss is no number any more at `step`: the weights that the step before it left are no good."""

    def __init__(self, what: str, step: int) -> None:
        super().__init__(f"{what} at step {step}")
        self.step = step


class _Watch(TrainerCallback):
    """Reports, marks whole checkpoints and has them judged, stops at a loss that is no number."""

    def __init__(self, work: Path, ctx: Training, scores: Scores) -> None:
        self._work, self._ctx, self._scores = work, ctx, scores
        self._began = time.monotonic()
        self._before = float(_read(work / "seconds.json").get("seconds", 0.0))

    @property
    def seconds(self) -> float:
        """Of wall time, of all that this training took."""
        return self._before + time.monotonic() - self._began

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """A point of the curve."""
        point = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        for name in ("loss", "grad_norm"):
            if name in point and not math.isfinite(point[name]):
                raise Diverged(f"the {name.replace('_', ' ')} is {point[name]}", state.global_step)
        if "loss" in point:
            pace = (time.monotonic() - self._began) / max(1, state.global_step - self._first)
            left = round(pace * (state.max_steps - state.global_step))
            shown = {"step": state.global_step, "of": state.max_steps, "loss": round(point["loss"], 4)}
            with (self._work / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(shown) + "\n")
            self._ctx.log({**shown, "seconds_left": left})

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Where this session takes up."""
        self._first = state.global_step
        (self._work / "curve.jsonl").write_text("")
        if self._first:
            self._ctx.say(f"Going on at step {self._first} of {state.max_steps}.")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The last step is a checkpoint, too."""
        if state.global_step == state.max_steps:
            control.should_save = True
            control.should_evaluate = args.eval_strategy != "no"

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """From here on the checkpoint is whole."""
        folder = self._work / f"checkpoint-{state.global_step}"
        _write(self._work / "seconds.json", {"seconds": self.seconds})
        (folder / COMPLETE).touch()
        figures = self._scores.of(folder)
        shown = "  ".join(f"{name} {100 * one.score:.1f}" for name, one in figures.items() if one.score is not None)
        if shown:
            self._ctx.say(f"dev at step {state.global_step}: {shown}")


def _model(weights: Path, options: LoraOptions) -> Any:
    device = default_device()
    loading: dict[str, Any] = {"dtype": torch.bfloat16 if device == "cuda" else torch.float32}
    if options.qlora:
        if device != "cuda":
            raise InputError(
                "--qlora needs CUDA, and there is none here", "Leave it out, or train on a machine with CUDA."
            )
        from transformers import BitsAndBytesConfig

        loading["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(weights, use_safetensors=True, **loading)
    if options.full:
        return model.train()
    target = options.target if options.target == "all-linear" else options.target.split(",")
    config = LoraConfig(
        r=options.r,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=target,
        task_type="CAUSAL_LM",
    )
    if options.dropout == 0 and not options.qlora:
        config._register_custom_module({torch.nn.Linear: AdaptedLinear})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT's own use of transformers
            adapted = get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"--target {options.target}: {str(error).splitlines()[0]}", "See --help.") from None
    return adapted.train()


def _plain(model: Any) -> Any:
    return model.get_base_model() if isinstance(model, PeftModel) else model


def _validation(ctx: Training, options: LoraOptions) -> list[Encoded]:
    """The examples of the mix in the validation split, those together that cost less together."""
    mixture = mixed(ctx.kinds("validation"), options.mix, ctx.seed)
    examples = [ctx.examples("validation")[place] for place in mixture]
    return [examples[place] for place in arrange(examples, options.order, options.together, 1, ctx.seed)]


def _weights(ctx: Training, options: LoraOptions, places: Sequence[int]) -> Weights:
    """Of each training example which of its tokens weigh more, and how much."""
    if options.decision_weight == 1:
        return [{} for _ in places]
    decisions = ctx.decisions("train")
    return [dict.fromkeys(decisions[place], options.decision_weight) for place in places]


def _pace(
    work: Path, model: Any, layout: Layout, examples: Sequence[Encoded], order: Sequence[int], options: LoraOptions
) -> Pace:
    """What was settled before, or is measured now and kept: a training that goes on must go on the same way."""
    plan = work / "plan.json"
    if plan.exists():
        return Pace(**_read(plan))
    first = [examples[place] for place in order[: options.batch * options.accumulation]]
    found = measured_pace(model, layout, first, options.precision, options.threads)
    _write(plan, {"threads": found.threads, "precision": found.precision, "why": found.why})
    return found


def _trainer(
    model: Any,
    layout: Layout,
    examples: Sequence[Encoded],
    weights: Weights,
    order: Sequence[int],
    validation: Sequence[Encoded],
    work: Path,
    options: LoraOptions,
    pace: Pace,
    ctx: Training,
) -> ExampleTrainer:
    step = options.batch * options.accumulation
    longest = max(len(example.ids) for example in examples)
    fitting = max(1, options.pass_tokens // longest)
    batch = next(size for size in range(min(step, fitting), 0, -1) if step % size == 0)
    known, weighed = [*examples, *validation], [*weights, *({} for _ in validation)]
    cuda = default_device() == "cuda"
    config = SFTConfig(
        output_dir=str(work),
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        gradient_accumulation_steps=step // batch,
        gradient_checkpointing=None,  # type: ignore[arg-type] # TRL's default, and transformers' old name of the next one
        activation_checkpointing=False,
        learning_rate=options.lr,
        lr_scheduler_type=options.schedule,
        warmup_steps=options.warmup,
        max_grad_norm=options.grad_norm,
        weight_decay=0.0,
        adam_beta2=options.beta2,
        num_train_epochs=1,
        seed=ctx.seed,
        bf16=pace.precision == "bfloat16",
        use_cpu=not cuda,
        logging_steps=1,
        save_strategy="steps",
        save_steps=options.score_every,
        eval_strategy="steps" if validation else "no",
        eval_steps=options.score_every,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=cuda,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
    )

    def collated(rows: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        chosen = [row["example"] for row in rows]
        return layout([known[place] for place in chosen], [weighed[place] for place in chosen])

    trainer = ExampleTrainer(
        model=model,
        args=config,
        train_dataset=_places(order),
        eval_dataset=datasets.Dataset.from_dict({"example": list(range(len(examples), len(known)))})
        if validation
        else None,
        data_collator=collated,
        processing_class=open_tokenizer(ctx.weights),  # type: ignore[arg-type]
        optimizers=(_optimizer(model, options), None),
    )
    for shown in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(shown)
    return trainer


def _optimizer(model: Any, options: LoraOptions) -> torch.optim.Optimizer | None:
    """LoRA+ (Hayou et al. 2024, arXiv:2402.12354) where it is asked for; None leaves the trainer its own AdamW."""
    if options.full or options.lr_ratio == 1:
        return None
    optimizer: torch.optim.Optimizer = create_loraplus_optimizer(
        model,
        torch.optim.AdamW,
        lr=options.lr,
        loraplus_lr_ratio=options.lr_ratio,
        betas=(0.9, options.beta2),
    )
    return optimizer


def _places(places: Iterable[int]) -> Any:
    return datasets.Dataset.from_dict({"example": list(places)})


def _whole(work: Path) -> dict[int, Path]:
    """Checkpoints that were written to their end, by step; the others are removed."""
    found = {int(folder.name.rpartition("-")[2]): folder for folder in work.glob("checkpoint-*")}
    for folder in found.values():
        if not (folder / COMPLETE).exists():
            shutil.rmtree(folder)
    return {step: found[step] for step in sorted(found) if found[step].exists()}


def _explain(error: BaseException, work: Path) -> None:
    """Say what is kept, and how to go on."""
    steps = _whole(work)
    if isinstance(error, Diverged):
        for step in [step for step in steps if step >= error.step - 1]:
            shutil.rmtree(steps.pop(step))
    last = steps[max(steps)] if steps else None
    kept = f"The last good checkpoint is {last}." if last else "There is no checkpoint yet."
    if isinstance(error, Diverged):
        raise InputError(str(error), f"{kept} Lower --lr, and name another --out.") from None
    if isinstance(error, OSError):
        raise EnvironmentFault(
            f"training stopped: {error}", f"{kept} Mend it and give the same command to go on."
        ) from error
    raise KeyboardInterrupt(f"{kept} The same command goes on from there.") from None


def _leave(checkpoint: Path, out: Path, base: Candidate) -> None:
    """Copy the weights of the chosen checkpoint and what belongs to them; never a pickle.

    An adapter names its base as anyone can find it, not by where it lay here.
    """
    adapter = checkpoint / "adapter_config.json"
    if adapter.exists():
        shipped = base.kind == "local" and resolve(base.name) == base if base.name in table()["models"] else False
        _write(adapter, _read(adapter) | {"base_model_name_or_path": base.name if shipped else base.base})
    for pattern in _LEFT_BEHIND:
        for file in checkpoint.glob(pattern):
            if file.name not in _PRIVATE:
                fresh = out / f".{file.name}.new"
                shutil.copyfile(file, fresh)
                fresh.replace(out / file.name)


def _curve(
    history: Sequence[Mapping[str, float]], figures: Mapping[int, Mapping[str, DevFigure]], limit: int = 40
) -> list[dict[str, float]]:
    """At most about `limit` points of the loss, and every step at which something was judged."""
    points: dict[int, dict[str, float]] = {}
    for entry in history:
        kept = {name: round(float(entry[name]), 5) for name in ("loss", "eval_loss", "learning_rate") if name in entry}
        if kept:
            points.setdefault(int(entry["step"]), {}).update(kept)
    for step, found in figures.items():
        scores = {name: round(one.score, 4) for name, one in found.items() if one.score is not None}
        points.setdefault(step, {}).update(scores)
    steps = sorted(points)
    every = max(1, math.ceil(len(steps) / limit))
    shown = {*steps[::every], *steps[-1:], *figures}
    return [{"step": step, **points[step]} for step in steps if step in shown]


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _write(file: Path, content: Mapping[str, Any]) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(file)
