"""What people who come from PyTorch or NumPy look for, and what it is called here."""

from __future__ import annotations

from typing import Any

_IN_PLACE = "tensors do not change in place: write x = x.{0}(...) or x[...] = value"
_DEVICES = 'x.to("gpu") or x.to("cpu"), or work inside `with jrk.device(...)`'
_NO_GRAD = "jrk.grad(y, [x]) for derivatives, x.detach() to end them: there is nothing to switch"
_FREEZE = f"net.freeze(...) to keep parameters as they are, {_NO_GRAD}"

# Attributes of tensors.
OF_TENSORS = {
    "cuda": _DEVICES, "cpu": _DEVICES,
    "requires_grad": _FREEZE, "requires_grad_": _FREEZE, "retain_grad": _NO_GRAD,
    "grad": "jrk.grad(y, [x]) returns derivatives; nothing is kept on tensors",
    "data": "x.detach(), or the tensor itself",
    "view": "x.reshape(...)", "view_as": "x.reshape(other.shape)", "t": "x.T", "H": "x.mT",
    "clone": "the tensor itself: it never changes; jrk.tensor(x) gives a handle of its own",
    "copy": "the tensor itself: it never changes; jrk.tensor(x) gives a handle of its own",
    "contiguous": "the tensor itself: layouts are the engine's affair",
    "numel": "x.size", "dim": "x.ndim", "type": 'x.astype("float32")',
    "float": 'x.astype("float32")', "double": 'x.astype("float64")',
    "half": 'x.astype("float16")', "bfloat16": 'x.astype("bfloat16")',
    "long": 'x.astype("int64")', "int": 'x.astype("int32")', "bool": 'x.astype("bool")',
}  # fmt: skip
# What PyTorch lets one assign.
ASSIGNED = {
    "requires_grad": "net.freeze(...) keeps parameters as they are, net.unfreeze(...) lets go; "
    "x.detach() ends derivatives",
    "grad": "gradients are returned, by loss.backward(net) or jrk.grad(y, [x])",
    "data": "write layer.weight = jrk.tensor(...) for a parameter, x[...] = value for a tensor",
}
# Names of the package.
OF_PACKAGE = {
    "no_grad": _NO_GRAD, "enable_grad": _NO_GRAD, "set_grad_enabled": _NO_GRAD,
    "inference_mode": _NO_GRAD,
    "randn": "jrk.random.normal(shape)", "rand": "jrk.random.uniform(shape)",
    "randint": "jrk.random.randint(...)", "randperm": "jrk.random.permutation(n)",
    "manual_seed": "jrk.random.seed(n)", "from_numpy": "jrk.tensor(array)",
    "as_tensor": "jrk.asarray(data)", "cat": "jrk.concat([a, b], axis=0)",
    "mm": "a @ b", "bmm": "a @ b", "numel": "x.size",
    "save": 'model = jrk.init("name.jrk.h5", net); model.commit(net)',
    "load": 'jrk.open("name.jrk.h5")["main"]["prime"].load()',
    "cuda": "jrk.devices() and jrk.device(...)",
    "FloatTensor": "jrk.tensor(data)", "LongTensor": 'jrk.tensor(data, dtype="int64")',
}  # fmt: skip


class Assigned:
    """An attribute that tensors have not, which tells so also where it is assigned."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(of_tensor(self.name))

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(
            f"a tensor has no attribute {self.name!r} to assign: {ASSIGNED[self.name]}"
        )


def of_tensor(name: str) -> str:
    """Why a tensor has no such attribute, with a way out where one is known."""
    way = OF_TENSORS.get(name)
    if way is None and name.endswith("_") and not name.startswith("_"):
        way = _IN_PLACE.format(name.rstrip("_"))
    return f"a tensor has no attribute {name!r}" + (f"; use {way}" if way else "")
