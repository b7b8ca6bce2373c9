"""Muon: momentum made orthogonal, for the matrices of hidden layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError, TrainingError
from jairika_nb.optim import saving
from jairika_nb.optim.adam import Adam, AdamW
from jairika_nb.optim.groups import Group, first_match
from jairika_nb.optim.optimizer import Groups, Optimizer, Slots, zeros_like
from jairika_nb.optim.options import Several
from jairika_nb.tensors.elementwise import maximum, sqrt
from jairika_nb.tensors.tensor import Tensor

KINDS = {"Adam": Adam, "AdamW": AdamW}
OTHERS = "others:"
MATCH = "match:"


class Muon(Optimizer):
    """Steps along the nearest orthogonal matrix of the momentum (Jordan et al. 2024).

    It moves matrices only. ``others``, an Adam or AdamW, moves the parameters of any other rank,
    and the matrices that match a pattern of ``others_match``, as embeddings and the last layer
    should be; without it they raise ShapeError. Its options are its own, its state is kept here.

    The orthogonal matrix comes from ``ns_steps`` Newton-Schulz iterations of
    ``a X + b (X X') X + c (X X')² X`` with ``ns_coefficients``, in the dtype of the parameter
    (PyTorch rounds to bfloat16). ``adjust_lr_fn`` scales the rate of an (A, B) matrix by
    ``sqrt(max(1, A / B))`` ("original", as None), or by ``0.2 sqrt(max(A, B))``
    ("match_rms_adamw", Liu et al. 2025), with which AdamW's rates and decays can be kept.

    >>> opt = Muon(lr=0.02, others=AdamW(lr=3e-4), others_match=["embedding.*", "head.*"])
    >>> opt.momentum, opt.others.lr
    (0.95, 0.0003)
    """

    options = (
        "lr",
        "weight_decay",
        "momentum",
        "nesterov",
        "ns_a",
        "ns_b",
        "ns_c",
        "eps",
        "ns_steps",
        "adjust_lr_fn",
    )
    live = ("lr", "momentum")
    slots = ("momentum_buffer", *Adam.slots)
    ns_coefficients = Several("ns_a", "ns_b", "ns_c")
    weight_decay: float
    momentum: float
    nesterov: bool
    ns_a: float
    ns_b: float
    ns_c: float
    eps: float
    ns_steps: int
    adjust_lr_fn: str

    def __init__(
        self,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        others: Adam | None = None,
        others_match: Sequence[str] = (),
        groups: Groups = (),
    ) -> None:
        super().__init__()
        if others is not None and type(others) not in KINDS.values():
            raise TrainingError(f"Muon: others={others!r} must be an optim.AdamW or optim.Adam")
        if isinstance(others_match, str) or not all(isinstance(p, str) for p in others_match):
            raise TrainingError(f"Muon: others_match={others_match!r} must be a list of patterns")
        if others_match and others is None:
            raise TrainingError("Muon: others_match needs others=optim.AdamW(...)")
        self.others = others
        self.handed = [Group(AdamW, pattern, {}) for pattern in others_match]
        self.take(
            groups,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            ns_coefficients=ns_coefficients,
            eps=eps,
            ns_steps=ns_steps,
            adjust_lr_fn="original" if adjust_lr_fn is None else adjust_lr_fn,
        )

    def ruler(self, name: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """Muon for matrices, what ``others`` says for the rest."""
        if len(shape) == 2 and first_match(self.handed, name) < 0:
            return super().ruler(name, shape)
        if self.others is None:
            raise ShapeError(
                f"Muon moves matrices only, {name} has shape {shape}: give "
                "others=optim.AdamW(...), which moves the rest"
            )
        group, ruler = self.others.ruler(name, shape)
        return ("others", group), ruler

    def patterns(self) -> list[Group]:
        """All groups, with those of ``others``."""
        return [*self.groups, *self.handed, *(self.others.groups if self.others else ())]

    def rows(self, option: str = "lr") -> list[Any]:
        """Whatever has an option of its own, with ``others`` and its groups."""
        found = super().rows(option)
        if self.others is not None and option in self.others.options:
            found += self.others.rows(option)
        return found

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate, what it leaves of the weights, and the momentum."""
        return self.lr, 1 - self.lr * self.weight_decay, self.momentum, 1 - self.momentum

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        lr, keep, momentum, fresh = scalars
        held = slots.get("momentum_buffer")
        buffer = zeros_like(parameter) if held is None else held
        buffer = buffer + (gradient - buffer) * fresh
        update = gradient + (buffer - gradient) * momentum if self.nesterov else buffer
        step = self._orthogonal(update) * (lr * self._scale(parameter.shape))
        return parameter * keep - step, {"momentum_buffer": buffer}

    def _scale(self, shape: tuple[int, ...]) -> float:
        a, b = shape
        if self.adjust_lr_fn == "original":
            return math.sqrt(max(1, a / b))
        return 0.2 * math.sqrt(max(a, b))

    def _orthogonal(self, x: Tensor) -> Tensor:
        a, b, c = self.ns_coefficients
        is_tall = x.shape[0] > x.shape[1]
        x = x.mT if is_tall else x
        x = x / maximum(sqrt((x * x).sum()), self.eps)
        for _ in range(self.ns_steps):
            gram = x @ x.mT
            x = x * a + (gram * b + gram @ gram * c) @ x
        return x.mT if is_tall else x

    def state_dict(self) -> dict[str, Any]:
        """As of any optimiser; the options of ``others`` are ``others:OPTION``."""
        if self.others is None:
            return super().state_dict()
        kept = saving.flat(self.others)
        kept |= {f"{MATCH}{i}": group.match for i, group in enumerate(self.handed)}
        return super().state_dict() | {f"{OTHERS}{name}": value for name, value in kept.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See :meth:`Optimizer.load_state_dict`; ``others`` becomes what was saved."""
        inner = {k.removeprefix(OTHERS): v for k, v in state.items() if k.startswith(OTHERS)}
        rest = {k: v for k, v in state.items() if not k.startswith(OTHERS)}
        patterns = [str(inner.pop(key)) for key in list(inner) if key.startswith(MATCH)]
        others = None
        if inner:
            kind = KINDS.get(str(inner.get("type")))
            if kind is None:
                raise ArchitectureError(
                    f"the state does not fit Muon: others is a {inner.get('type')}"
                )
            others = kind()
            others.load_state_dict(inner)
        super().load_state_dict(rest)
        self.others, self.handed = others, [Group(AdamW, p, {}) for p in patterns]

    def __repr__(self) -> str:
        text = super().__repr__()
        return text if self.others is None else f"{text[:-1]}, others={self.others})"
