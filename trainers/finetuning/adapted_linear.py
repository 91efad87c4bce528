"""A LoRA layer in plain matrix products, forward and back: the adapter of PEFT, without what it does beside them.

PEFT's layer adds the adapter's output to the base's, and autograd adds their gradients: each a pass over memory on its
own, and under autocast each reads an input of its own that was rounded anew. On a processor such passes cost a seventh
of a step. Here the input is rounded once, the scale is multiplied into the small matrix B, and both sums are made by
the product that gives the second term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from peft.tuners.lora.layer import Linear

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AdaptedLinear"]


class AdaptedLinear(Linear):
    """PEFT's layer over a frozen `torch.nn.Linear`, for one adapter without dropout: see `LoraConfig` for its options.

    It is no layer for a quantized base, whose weights are no matrix, nor for variants of LoRA (DoRA and the like).
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """As PEFT's: inputs (…, in), gives (…, out)."""
        if self.merged or self.disable_adapters:
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        base, device = self.get_base_layer(), x.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        with torch.autocast(device, enabled=False):
            adapted: Tensor = _Adapted.apply(  # type: ignore[no-untyped-call]
                x, base.weight, base.bias, self.lora_A[name].weight, self.lora_B[name].weight, self.scaling[name], kind
            )
        return adapted


class _Adapted(torch.autograd.Function):
    """x Wᵀ + bias + scale · (x Aᵀ) Bᵀ, in the precision `kind`; W and the bias have no gradient."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float, kind: torch.dtype
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(kind)
        weight, small, scaled = weight.to(kind), a.to(kind), (b * scale).to(kind)
        narrow = rows @ small.T
        out = rows @ weight.T if bias is None else torch.addmm(bias.to(kind), rows, weight.T)
        out.addmm_(narrow, scaled.T)
        ctx.save_for_backward(rows, weight, small, scaled, narrow)
        ctx.scale, ctx.shape, ctx.kinds = scale, x.shape, (x.dtype, a.dtype, b.dtype)
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, small, scaled, narrow = ctx.saved_tensors
        to_x, to_a, to_b = ctx.kinds
        gradient = gradient.reshape(-1, gradient.shape[-1])
        back = gradient @ scaled
        to_rows = (gradient @ weight).addmm_(back, small)
        return (
            to_rows.view(ctx.shape).to(to_x),
            None,
            None,
            (back.T @ rows).to(to_a),
            (gradient.T @ narrow).to(to_b) * ctx.scale,
            None,
            None,
        )
