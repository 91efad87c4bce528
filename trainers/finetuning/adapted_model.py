"""Loads the model that is trained, and makes the optimizer. The model is a base with a LoRA adapter, or only a base."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.optimizers import create_loraplus_optimizer

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.adapters import AdaptedModel
from toolmark.benchmark.engine.base_model import load_base
from toolmark.benchmark.engine.devices import DEVICES, choose_dtype
from toolmark.benchmark.engine.finite_logits import check_computes
from toolmark.benchmark.engine.thread_choice import use_threads
from toolmark.trainers.finetuning.adapted_linear import AdaptedLinear
from toolmark.trainers.finetuning.options import LoraOptions

__all__ = ["load_adapter", "load_trainable", "loraplus_optimizer", "without_adapter"]


def load_trainable(weights: Path, options: LoraOptions, device: str = "cpu") -> Any:
    """Load the base in training mode. If `options.full` is not set, add a new adapter.

    The base is loaded into the memory of the processor. The trainer moves it to the device. The number of threads of
    torch is set before the first forward pass.

    Raises:
        InputError: The base cannot be loaded, `--qlora` was given without CUDA, or no layer matches `--target`.
    """
    arguments: dict[str, Any] = {}
    if options.qlora:
        if device != "cuda":
            raise InputError(
                f"--qlora needs CUDA, but the device of the training is {device}",
                "Leave --qlora out, or train on a machine with CUDA: --device cuda",
            )
        from transformers import BitsAndBytesConfig

        arguments["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    model = load_base(weights, getattr(torch, choose_dtype("auto", device)), **arguments)
    use_threads(options.threads, device, model.num_parameters())
    if device == "cpu":  # the trainer moves the model to another device later
        check_computes(model, weights, str(model.dtype).removeprefix("torch."))
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
            warnings.simplefilter("ignore", FutureWarning)  # because PEFT uses a deprecated function of transformers
            adapted = get_peft_model(model, config)
    except ValueError as error:
        raise InputError(
            f"--target {options.target}: {str(error).splitlines()[0]}",
            "Give names of layers of this model, or leave --target out to adapt all linear layers.",
        ) from None
    return adapted.train()


def load_adapter(weights: Path, adapter: Path, device: str = "cpu", threads: int | None = None) -> AdaptedModel:
    """Load a base and a LoRA adapter, whose weights can be trained. PEFT's name of the adapter is `default`.

    The adapter is checked like every adapter that somebody else possibly made. The number of threads of torch is set
    before the first forward pass. With None, it is chosen as for generation.

    Raises:
        InputError: The base or the adapter cannot be loaded, or the adapter is not a LoRA adapter.
    """
    base = load_base(weights, getattr(torch, choose_dtype("auto", device)))
    use_threads(threads, device, base.num_parameters())
    if device == "cpu":
        check_computes(base, weights, str(base.dtype).removeprefix("torch."))
    adapted = AdaptedModel(base.eval(), weights, name="default")  # type: ignore[no-untyped-call]
    adapted.set_adapter(adapter)
    (config,) = adapted.with_adapter.peft_config.values()
    if not isinstance(config, LoraConfig):
        raise InputError(
            f"{adapter} is an adapter of the type {config.peft_type}, but only LoRA adapters can be trained further",
            "Make a LoRA adapter: toolmark train lora",
        )
    config.inference_mode = False
    adapted.with_adapter.set_adapter("default")
    adapted.with_adapter.to(DEVICES[device].torch_name)
    return adapted


def without_adapter(model: Any) -> Any:
    """Return the base model of `model` without its adapter. If `model` has no adapter, return `model`."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def loraplus_optimizer(model: Any, options: LoraOptions) -> torch.optim.Optimizer | None:
    """Return the optimizer of LoRA+ (Hayou et al. 2024, arXiv:2402.12354).

    None if LoRA+ is not used. The trainer then uses its default optimizer, AdamW.
    """
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
