"""What an optimiser remembers of parameters: moments and steps by name, and whose they are."""

from __future__ import annotations

from typing import Any

from jairika_nb.optim.ownership import Owners, check_belongs, owners_in
from jairika_nb.tensors.tensor import Tensor

Slots = dict[str, Tensor]
Kept = tuple[dict[str, Slots], dict[str, int], Owners]


class Memory:
    """The part of an optimiser that steps change."""

    state: dict[str, Slots]
    steps: dict[str, int]
    owners: Owners

    def reset(self) -> None:
        """Forget moments and steps, to begin anew with any network; options and groups stay.

        >>> import jairika_nb as jrk
        >>> opt, net = jrk.optim.SGD(lr=0.1, momentum=0.9), jrk.nn.Linear(2, 1)
        >>> opt.update(net, net(jrk.ones((3, 2))).sum().backward(net))
        >>> opt.steps
        {'weight': 1, 'bias': 1}
        >>> opt.reset()
        >>> opt.steps, opt.momentum
        ({}, 0.9)
        """
        self.state, self.steps, self.owners = {}, {}, Owners()

    def check_belongs(self, model: Any) -> None:
        """Raise TrainingError where the state is that of another network with the same names."""
        check_belongs(self, model, owners_in(model))

    def memory(self) -> Kept:
        """All of it as it stands, for :meth:`recall`."""
        slots = {name: dict(slots) for name, slots in self.state.items()}
        return slots, dict(self.steps), Owners(self.owners)

    def recall(self, memory: Kept) -> None:
        """Put back what :meth:`memory` gave."""
        state, steps, owners = memory
        self.state = {name: dict(slots) for name, slots in state.items()}
        self.steps, self.owners = dict(steps), Owners(owners)

    def tensors(self) -> list[Tensor]:
        """All tensors of the state, to be computed together with the parameters."""
        return [value for slots in self.state.values() for value in slots.values()]
