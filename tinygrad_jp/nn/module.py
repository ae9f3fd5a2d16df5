"""The Module: parameters, submodules and buffers as ordinary attributes, and what is said of them.

A module's attributes live in its `__dict__`, where a walk over `vars(module)` finds them in the
order in which they were set: reading `self.weight` costs what it costs on any Python object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

import numpy as np

from ..autograd.hooks import RemovableHook
from ..autograd.mode import changes
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, TinygradError, warn
from . import hooks as hooking
from . import state
from .layout import indented, joined, located, tree
from .parameter import Parameter, replace

M = TypeVar("M", bound="Module")


class Module:
    """What every layer and every model is: a function with parameters.

    Call `super().__init__()`, set layers and Parameters as attributes, write `forward`.

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = nn.Linear(2, 8)
    ...         self.out = nn.Linear(8, 2)
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).tanh())
    >>> net = Net()
    >>> net
    Net(
      (hidden): Linear(in_features=2, out_features=8, bias=True)
      (out): Linear(in_features=8, out_features=2, bias=True)
    )
    >>> sum(p.size for p in net.parameters())
    42
    """

    training: bool = True
    _hooks: hooking.Hooks | None = None
    _buffers: Mapping[str, bool] = {}  # name -> whether it belongs to the state dict

    def __init__(self) -> None:
        self.training = True

    # ── calling ─────────────────────────────────────────────────────────────────────────────

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; each module writes its own, with its own arguments."""
        raise ArgumentError("no_forward", module=type(self).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the hooks before, forward, and the hooks after."""
        try:
            if self._hooks is None:
                return self.forward(*args, **kwargs)
            return hooking.run(self, self._hooks, args, kwargs)
        except TinygradError as error:
            located(error, self)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        mine = self.__dict__
        if isinstance(value, (Parameter, Module)):
            if "training" not in mine:
                raise ArgumentError("init_first", module=type(self).__name__, name=name)
        elif value is not None and isinstance(mine.get(name), Parameter):
            raise ArgumentError(
                "not_a_parameter", module=type(self).__name__, name=name, kind=type(value).__name__
            )
        elif value is not None and name in self._buffers and not isinstance(value, Tensor):
            raise ArgumentError(
                "not_a_buffer", module=type(self).__name__, name=name, kind=type(value).__name__
            )
        elif type(value) in (list, tuple, dict) and name[0] != "_":
            _warn_of_hidden(self, name, value)
        changes[0] += 1
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        changes[0] += 1
        object.__delattr__(self, name)
        if name in self._buffers:
            cast("dict[str, bool]", self._buffers).pop(name)

    # ── what it is made of ──────────────────────────────────────────────────────────────────

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Keep a Tensor that is no parameter but moves and is saved with the module.

        tensor: a Tensor, an array or None. persistent: whether it belongs to the state dict.
        Raises ArgumentError if the module has the attribute already.
        """
        self._check_name(name)
        if "training" not in self.__dict__:
            raise ArgumentError("init_first", module=type(self).__name__, name=name)
        if tensor is not None and not isinstance(tensor, Tensor):
            tensor = Tensor(tensor)
        if "_buffers" not in self.__dict__:
            object.__setattr__(self, "_buffers", {})
        changes[0] += 1
        object.__setattr__(self, name, tensor)
        cast("dict[str, bool]", self._buffers)[name] = persistent

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Set a Parameter (or None, for one that this module does without) under a name."""
        self._check_name(name)
        if parameter is not None and not isinstance(parameter, Parameter):
            raise ArgumentError(
                "not_a_parameter", module=type(self).__name__, name=name,
                kind=type(parameter).__name__,
            )
        setattr(self, name, parameter)

    def add_module(self, name: str, module: Module | None) -> None:
        """Set a submodule under a name."""
        self._check_name(name)
        if module is not None and not isinstance(module, Module):
            raise ArgumentError("not_a_module", given=type(module).__name__)
        setattr(self, name, module)

    register_module = add_module

    def _check_name(self, name: str) -> None:
        taken = name in self.__dict__ or hasattr(type(self), name)
        if not isinstance(name, str) or not name or "." in name or taken:
            raise ArgumentError("attribute_name", module=type(self).__name__, name=name)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Give the modules that are attributes of this one, each once, with their names."""
        seen = set()
        for name, value in self.__dict__.items():
            if isinstance(value, Module) and value not in seen:
                seen.add(value)
                yield name, value

    def children(self) -> Iterator[Module]:
        """Give the modules that are attributes of this one."""
        return (child for _, child in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Give this module ("") and all below it, parents first, with their dotted names."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, value in self.__dict__.items():
            if isinstance(value, Module):
                yield from value.named_modules(memo, joined(prefix, name), remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Give this module and all below it, parents first."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Give the parameters with their dotted names; one that is shared comes once."""
        seen: set[int] = set()
        for path, module in self._walk(prefix, recurse, remove_duplicate):
            for name, value in module.__dict__.items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    if remove_duplicate:
                        seen.add(id(value))
                    yield joined(path, name), value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Give the parameters, in the order in which they were set; what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Give the buffers with their dotted names."""
        seen: set[int] = set()
        for path, module in self._walk(prefix, recurse, remove_duplicate):
            for name in module._buffers:
                value = module.__dict__[name]
                if value is not None and id(value) not in seen:
                    if remove_duplicate:
                        seen.add(id(value))
                    yield joined(path, name), value

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Give the buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _walk(self, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Module]]:
        if recurse:
            return self.named_modules(prefix=prefix, remove_duplicate=once)
        return iter([(prefix, self)])

    def get_submodule(self, target: str) -> Module:
        """Find a module by its dotted name; "" is this one. Raises OptionError if there is none."""
        found: Any = self
        for name in target.split(".") if target else ():
            found = found.__dict__.get(name)
            if not isinstance(found, Module):
                raise OptionError("no_submodule", name=target, module=type(self).__name__)
        return cast(Module, found)

    def get_parameter(self, target: str) -> Parameter:
        """Find a parameter by its dotted name. Raises OptionError if there is none."""
        path, _, name = target.rpartition(".")
        found = self.get_submodule(path).__dict__.get(name)
        if not isinstance(found, Parameter):
            raise OptionError("no_parameter", name=target, module=type(self).__name__)
        return found

    def get_buffer(self, target: str) -> Tensor:
        """Find a buffer by its dotted name. Raises OptionError if there is none."""
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if name not in owner._buffers:
            raise OptionError("no_parameter", name=target, module=type(self).__name__)
        return cast(Tensor, owner.__dict__[name])

    # ── its state ───────────────────────────────────────────────────────────────────────────

    def state_dict(self, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Give every parameter and persistent buffer by name, sharing the module's memory.

        keep_vars: the parameters themselves, instead of Tensors detached from them.
        """
        return state.state_dict(self, prefix, keep_vars)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True
    ) -> state.IncompatibleKeys:
        """Copy values (Tensors, arrays or PyTorch's tensors) into parameters and buffers.

        strict: every key on either side must be on the other; shapes must fit in any case.
        Returns the missing and the unexpected keys. Raises StateDictError listing all that does
        not fit, NonFiniteError naming a key with NaN; then nothing in the module has changed.
        """
        return state.load(self, state_dict, strict)

    def train(self: M, mode: bool = True) -> M:
        """Put this module and all below it in training mode (or not); gives itself."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Put this module and all below it in evaluation mode; gives itself."""
        return self.train(False)

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call fn on every module below this one and on itself, children first."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self: M, dtype: Any = None) -> M:
        """Turn floating-point parameters and buffers to a dtype, in place; gives itself.

        dtype: float16, float32 or float64. "cpu" is taken too, and changes nothing.
        """
        if dtype is None or dtype == "cpu":
            return self
        try:
            kind = np.dtype(dtype)
        except TypeError:
            kind = np.dtype(object)
        if kind.kind != "f":
            raise OptionError("module_to", given=dtype)
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor._data.dtype.kind == "f" and tensor._data.dtype != kind:
                replace(tensor, tensor._data.astype(kind))
        return self

    def float(self: M) -> M:
        """Turn floating-point parameters and buffers to float32."""
        return self.to(np.float32)

    def double(self: M) -> M:
        """Turn floating-point parameters and buffers to float64."""
        return self.to(np.float64)

    def half(self: M) -> M:
        """Turn floating-point parameters and buffers to float16."""
        return self.to(np.float16)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters (or set them to zeros)."""
        for parameter in self.parameters():
            if set_to_none:  # unseen, so that a recorded step serves with and without one
                parameter.grad = None
            elif (grad := parameter.grad) is not None:
                parameter.grad = Tensor(np.zeros_like(grad._data))

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Let all parameters gather gradients, or freeze them; gives itself."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    # ── hooks ───────────────────────────────────────────────────────────────────────────────

    def _own_hooks(self) -> hooking.Hooks:
        if self._hooks is None:
            self._hooks = hooking.Hooks()
        return self._hooks

    def register_forward_pre_hook(self, hook: Callable[[Module, Any], Any]) -> RemovableHook:
        """Call hook(module, args) before forward; what it returns replaces the arguments."""
        return hooking.register(self._own_hooks().before, hook)

    def register_forward_hook(self, hook: Callable[[Module, Any, Any], Any]) -> RemovableHook:
        """Call hook(module, args, output) after forward; what it returns replaces the output."""
        return hooking.register(self._own_hooks().after, hook)

    def register_full_backward_hook(self, hook: Callable[[Module, Any, Any], Any]) -> RemovableHook:
        """Call hook(module, grad_input, grad_output) when the module's gradients are known.

        Both are tuples, with None where an input requires no gradient. What the hook returns
        replaces grad_input.
        """
        return hooking.register(self._own_hooks().backward, hook)

    # ── how it shows itself ─────────────────────────────────────────────────────────────────

    def extra_repr(self) -> str:
        """Say a module's options, for the text in its parentheses; override in a layer."""
        return ""

    def __repr__(self) -> str:
        return tree(type(self).__name__, self.extra_repr(), self._shown_children())

    def _shown_children(self) -> list[str]:
        return [
            f"({name}): {indented(repr(value))}"
            for name, value in self.__dict__.items()
            if isinstance(value, Module)
        ]

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"


def _warn_of_hidden(module: Module, name: str, value: Any) -> None:
    """Warn of layers in a plain list, where no optimizer would find them."""
    items = value.values() if isinstance(value, dict) else value
    for item in items:
        if isinstance(item, (Module, Parameter)):
            kind = "Module" if isinstance(item, Module) else "Parameter"
            warn(
                "hidden_in_list", stacklevel=4, module=type(module).__name__, name=name,
                kind=type(value).__name__, repair=f"nn.{kind}{_CONTAINERS[type(value)]}",
            )
            return


_CONTAINERS: dict[type, str] = {list: "List", tuple: "List", dict: "Dict"}
