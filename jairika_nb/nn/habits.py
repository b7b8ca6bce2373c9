"""What people who come from PyTorch look for on modules, and what it is called here."""

from __future__ import annotations

_MOVED = 'net.to("gpu") or net.to("cpu")'
_HOOKS = "jrk.grad(loss, list(net.capture(x, names=[...]).values())) for derivatives by outputs"
OF_MODULES = {
    "cuda": _MOVED, "cpu": _MOVED,
    "requires_grad_": "net.freeze(...) and net.unfreeze(...)",
    "requires_grad": "net.freeze(...) and net.unfreeze(...)",
    "zero_grad": "nothing: loss.backward(net) returns gradients, none are kept",
    "register_full_backward_hook": _HOOKS, "register_backward_hook": _HOOKS,
    "register_full_backward_pre_hook": _HOOKS,
    "type": "net.to(dtype)", "compile": "jrk.compile(net)",
    "share_memory": "nothing: tensors never change, threads may share them",
}  # fmt: skip


def of_module(owner: str, name: str) -> str:
    """Why a module has no such attribute, with a way out where one is known."""
    way = OF_MODULES.get(name)
    return f"{owner} has no attribute {name!r}" + (f"; use {way}" if way else "")


OF_ROOM = {
    "utils": "nn.rnn for packed sequences, optim.clip_grad_norm and optim.clip_grad_value",
    "DataParallel": "the network itself: it is computed on one device",
    "SyncBatchNorm": "nn.BatchNorm2d and its kin: a network is computed on one device",
}


def of_room(name: str) -> str:
    """Why ``nn`` has no such name, with a way out where one is known."""
    way = OF_ROOM.get(name)
    return f"module 'jairika_nb.nn' has no attribute {name!r}" + (f"; use {way}" if way else "")


def of_init(name: str, known: list[str]) -> str:
    """Why ``nn.init`` has no such name: nothing fills tensors in place."""
    own, text = name.removesuffix("_"), f"module 'jairika_nb.nn.init' has no attribute {name!r}"
    if own == name or own not in known:
        return text
    return (
        f"{text}; tensors do not change in place: use layer.weight = nn.init.{own}(shape), or "
        f"nn.init.apply(net, {own!r})"
    )
