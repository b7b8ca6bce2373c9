"""A moving average of a model's weights, which often predicts better than the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np

from jairika_nb.engine import tracing
from jairika_nb.engine.run import per_call
from jairika_nb.errors import ArchitectureError, TrainingError
from jairika_nb.nn.module import Module
from jairika_nb.optim.options import SHARE, Number, flag
from jairika_nb.tensors import autograd
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor


class EMA:
    """The exponential moving average of a model's parameters (Polyak and Juditsky 1992).

    ``update()`` after each step makes the average ``decay`` of itself and ``1 - decay`` of the
    weights; the first one copies them. With ``warmup`` the decay of update ``t``, counted from 0,
    is at most ``(1 + t) / (10 + t)``, so that short trainings are not held back by their start.
    With ``use_buffers`` floating buffers, such as running statistics, are averaged too; else the
    model's own stand beside the averaged weights. ``decay`` may be changed at any time.

    Averages are kept by name: new parameters, or resized ones, start from their own values. It may
    be called inside a compiled step, where it costs no launch of its own. As a callback,
    ``fit(..., callbacks=[ema])``, it is updated after every step and kept in checkpoints.

    >>> import jairika_nb as jrk
    >>> from jairika_nb import nn
    >>> net = nn.Linear(1, 1, bias=False)
    >>> _ = net.load_state_dict({"weight": [[1.0]]})
    >>> ema = EMA(net, decay=0.75)
    >>> ema.update()
    >>> _ = net.load_state_dict({"weight": [[5.0]]})
    >>> ema.update()
    >>> with ema.average_parameters():
    ...     net.weight.item()
    2.0
    >>> net.weight.item()
    5.0
    """

    unwatched = ("updates", "decay")

    def __init__(
        self, model: Module, decay: float = 0.999, *, warmup: bool = False,
        use_buffers: bool = False,
    ) -> None:  # fmt: skip
        if not isinstance(model, Module):
            raise TrainingError(f"EMA takes a model, not {type(model).__name__}: EMA(net, 0.999)")
        self.model = model
        self.decay = SHARE("EMA", "decay", decay)
        self.warmup = flag("EMA", "warmup", warmup)
        self.use_buffers = flag("EMA", "use_buffers", use_buffers)
        self.updates = 0
        self.average: dict[str, Tensor] = {}

    def sources(self) -> dict[str, Tensor]:
        """What is averaged, as it is in the model now."""
        found = dict(self.model.named_parameters())
        if self.use_buffers:
            buffers = self.model.named_buffers()
            found |= {name: value for name, value in buffers if value.dtype.kind == "float"}
        return found

    def update(self) -> None:
        """Move the average towards the weights as they are now."""
        groups: dict[Any, list[str]] = {}
        sources = self.sources()
        for name, value in sources.items():
            groups.setdefault((value.dtype, value.device), []).append(name)
        share = iter(self._shares(groups))
        new: dict[str, Tensor] = {}
        for names in groups.values():
            part = next(share)
            for name in names:
                new[name] = self._moved(self.average.get(name), sources[name], part).detach()
        if tracing.active.get() is None:
            autograd.eval(*new.values())
        self.average = {name: new[name] for name in sources}

    def on_step(self, training: Any) -> None:
        """As a callback of ``fit``: update after a step."""
        self.update()

    @staticmethod
    def _moved(average: Tensor | None, value: Tensor, share: Tensor) -> Tensor:
        if average is None or average.shape != value.shape:
            return value
        average = average.to(value.device).astype(value.dtype)
        return average + (value - average) * share

    def _shares(self, groups: Mapping[Any, list[str]]) -> list[Tensor]:
        """What the weights count in this update, for each dtype and device."""
        rows = []
        for i, (dtype, device) in enumerate(groups):
            # As data that is made anew at each replay; the first to be made counts the update.
            node = per_call(self, self._counting if i == 0 else self._now, _always, dtype, device)
            rows.append(Tensor(node)[0])
        return rows

    def _counting(self) -> tuple[float]:
        self.updates += 1
        return self._now()

    def _now(self) -> tuple[float]:
        decay, before = SHARE("EMA", "decay", self.decay), self.updates - 1
        if self.warmup:
            decay = min(decay, (1 + before) / (10 + before))
        return (1 - decay,)

    @contextmanager
    def average_parameters(self) -> Iterator[Module]:
        """The model with the averaged weights inside the block, with its own again after it."""
        own, known = self.sources(), self._handles()
        self.model.replace(known)
        try:
            yield self.model
        finally:
            self.model.replace({name: own[name] for name in known})

    def copy_to(self) -> None:
        """Make the averaged weights the model's own."""
        self.model.replace(self._handles())

    def _handles(self) -> dict[str, Tensor]:
        """The averages in handles of their own: writing to the model's changes no average."""
        if not self.average:
            raise TrainingError("EMA has averaged nothing yet: call update() after each step")
        own = self.sources()
        return {name: copy(value) for name, value in self.average.items() if name in own}

    def state_dict(self) -> dict[str, Any]:
        """Options, the number of updates, and ``NAME.average`` for each parameter."""
        flat: dict[str, Any] = {"type": "EMA", "decay": self.decay, "warmup": self.warmup}
        flat |= {"use_buffers": self.use_buffers, "updates": self.updates}
        return flat | {f"{name}.average": value for name, value in self.average.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state; ArchitectureError lists what does not fit the model."""
        plain = {"type", "decay", "warmup", "use_buffers", "updates"}
        values = {k: v.item() if isinstance(v, np.ndarray) else v for k, v in state.items()
                  if k in plain}  # fmt: skip
        averages = {k.removesuffix(".average"): v for k, v in state.items() if k not in plain}
        if values.get("type") != "EMA" or values.keys() != plain:
            raise ArchitectureError(f"a state of {values.get('type')} does not fit EMA")
        decay, warmup = (
            SHARE("EMA", "decay", values["decay"]),
            flag("EMA", "warmup", values["warmup"]),
        )
        buffers = flag("EMA", "use_buffers", values["use_buffers"])
        updates = Number(whole=True)("EMA", "updates", values["updates"])
        known = {**dict(self.model.named_parameters()), **dict(self.model.named_buffers())}
        wrong = [n for n, v in averages.items()
                 if n not in known or tuple(np.shape(v)) != known[n].shape]  # fmt: skip
        if wrong:
            raise ArchitectureError(f"the state does not fit the model: {', '.join(wrong)}")
        self.decay, self.warmup, self.use_buffers = decay, warmup, buffers
        self.updates = updates
        self.average = {
            name: value.detach() if isinstance(value, Tensor)
            else tensor(value, known[name].dtype, known[name].device)
            for name, value in averages.items()
        }  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"EMA({type(self.model).__name__}, decay={self.decay}, warmup={self.warmup}, "
            f"use_buffers={self.use_buffers}, updates={self.updates})"
        )


def _always() -> bool:
    return True
