"""Keeps the modules and weights of a base. So the base is exactly as before when an adapter is taken off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BaseState"]


class BaseState:
    """The modules and weights of a model without an adapter.

    PEFT's method `unload` has the same purpose. It is not used, for two reasons. Each type of adapter restores the
    modules with its own code, which can be wrong. And weights that PEFT replaced are not restored.

    Args:
        model: The base, without an adapter.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._modules = [(module, vars(module).copy(), _tables(module)) for module in model.modules()]
        self._weights = [(parameter, parameter.data) for parameter in model.parameters()]

    def module_names(self) -> list[str]:
        """Return the names of all modules of the base."""
        return [name for name, _ in self._model.named_modules() if name]

    def use_copies(self) -> None:
        """Replace the weights by copies until `restore` is called. So PEFT can change the copies."""
        for parameter, data in self._weights:
            parameter.data = data.clone()

    def restore(self) -> None:
        """Give the model its own modules and weights back. All modules and weights that were added are removed."""
        for module, attributes, tables in self._modules:
            vars(module).clear()
            vars(module).update(attributes | {name: table.copy() for name, table in tables.items()})
        for parameter, data in self._weights:
            parameter.data = data


def _tables(module: nn.Module) -> dict[str, dict[str, Any]]:
    """Return copies of the dictionaries of a module. They contain its modules, weights, buffers and hooks."""
    return {name: value.copy() for name, value in vars(module).items() if isinstance(value, dict)}
