"""A LoRA layer that is faster on processors than PEFT's layer, and gives the same result.

PEFT's layer adds the adapter's output to the base's output, and autograd adds the two gradients. Each addition reads
and writes the memory once more. Under autocast, PEFT's layer also rounds the input twice. On a processor, these
operations take a seventh of the time of a training step.

The layer of this module rounds the input once. Each addition is part of a matrix product (`addmm`). The scale
multiplies the small matrix B, and not the large output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from peft.tuners.lora.layer import Linear

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AdaptedLinear"]


class AdaptedLinear(Linear):
    """A LoRA layer for a frozen `torch.nn.Linear`, with one adapter and without dropout.

    A quantized base is not supported, because its weights are not a plain matrix. Variants of LoRA such as DoRA are not
    supported either. The options have the same meaning as in PEFT's `LoraConfig`.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return the outputs (…, out) for the inputs `x` (…, in)."""
        if self.merged or self.disable_adapters:
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        base, device = self.get_base_layer(), x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        with torch.autocast(device, enabled=False):
            adapted: Tensor = _Adapted.apply(  # type: ignore[no-untyped-call]
                x, base.weight, base.bias, self.lora_A[name].weight, self.lora_B[name].weight, self.scaling[name], dtype
            )
        return adapted


class _Adapted(torch.autograd.Function):
    """Compute x Wᵀ + bias + scale · (x Aᵀ) Bᵀ in `dtype`. W and the bias get no gradient."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float, dtype: torch.dtype
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        weight, small, scaled = weight.to(dtype), a.to(dtype), (b * scale).to(dtype)
        narrow = rows @ small.T
        out = rows @ weight.T if bias is None else torch.addmm(bias.to(dtype), rows, weight.T)
        out.addmm_(narrow, scaled.T)
        ctx.save_for_backward(rows, weight, small, scaled, narrow)
        ctx.scale, ctx.shape, ctx.dtypes = scale, x.shape, (x.dtype, a.dtype, b.dtype)
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, small, scaled, narrow = ctx.saved_tensors
        x_dtype, a_dtype, b_dtype = ctx.dtypes
        gradient = gradient.reshape(-1, gradient.shape[-1])
        back = gradient @ scaled
        rows_gradient = (gradient @ weight).addmm_(back, small)
        return (
            rows_gradient.view(ctx.shape).to(x_dtype),
            None,
            None,
            (back.T @ rows).to(a_dtype),
            (gradient.T @ narrow).to(b_dtype) * ctx.scale,
            None,
            None,
        )
