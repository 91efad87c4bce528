"""The layer gives what PEFT's own gives, and its gradients; an adapter trained with it is read by PEFT's."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from toolmark.trainers.finetuning.adapted_linear import AdaptedLinear


class Two(nn.Module):
    """Two layers, one with a bias."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.up, self.down = nn.Linear(24, 40, bias=True), nn.Linear(40, 24, bias=False)

    def forward(self, x):
        return self.down(torch.tanh(self.up(x)))


def adapted(own: bool):
    config = LoraConfig(r=4, lora_alpha=12, target_modules=["up", "down"], init_lora_weights=False)
    if own:
        config._register_custom_module({nn.Linear: AdaptedLinear})
    plain = Two()
    torch.manual_seed(2)
    model = get_peft_model(plain, config).train()
    assert isinstance(model.base_model.model.up, AdaptedLinear) is own
    return model


def passed(model, x, precision):
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        out = model(x)
    out.float().square().sum().backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}
    return {"out": out.detach(), "x": x.grad, **gradients}


@pytest.mark.parametrize(("precision", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_outputs_and_gradients_are_those_of_pefts_layer(precision, near):
    x = torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(3))
    expected, found = (passed(adapted(own), x, precision) for own in (False, True))
    assert found.keys() == expected.keys()
    assert len(found) == 6
    for name, one in expected.items():
        assert found[name].dtype == one.dtype, name
        assert float((found[name] - one).norm() / one.norm()) < near, name


def test_what_is_saved_is_an_adapter_like_any_other(tmp_path):
    model, x = adapted(own=True), torch.ones(3, 24)
    model.save_pretrained(tmp_path)
    read = PeftModel.from_pretrained(Two(), tmp_path)
    assert not isinstance(read.base_model.model.up, AdaptedLinear)
    torch.testing.assert_close(read(x), model(x), rtol=1e-5, atol=1e-6)
    merged = model.merge_and_unload()
    torch.testing.assert_close(merged(x), read(x), rtol=1e-4, atol=1e-5)
