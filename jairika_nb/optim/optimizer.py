"""What optimisers share: going over parameters by name, one rule for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from jairika_nb.engine import tracing
from jairika_nb.engine.run import per_call
from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn.signature import FromInit
from jairika_nb.optim import saving
from jairika_nb.optim.clipping import check_by_name
from jairika_nb.optim.groups import Group, check_matches, first_match
from jairika_nb.optim.habits import missing, refuse
from jairika_nb.optim.memory import Memory, Slots
from jairika_nb.optim.options import checked
from jairika_nb.optim.ownership import check_belongs, follow, owners_in
from jairika_nb.tensors import autograd
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor

Groups = Iterable[Mapping[str, Any]]


class Optimizer(Memory):
    """Base of optimisers: a subclass says what one parameter becomes.

    ``options`` are the attributes that ``state_dict`` keeps, ``slots`` the names of the tensors
    kept for each parameter. Hyper-parameters may be changed at any time: ``opt.lr = 0.01``; a
    value that an option may not have raises TrainingError.

    What it remembers of a parameter, its moments and steps, belongs to the layer that holds it:
    it comes along where surgery gives the layer another name, begins anew where it is resized, and
    is never taken for that of another network, which raises TrainingError; ``reset()`` forgets it.

    Every optimiser takes ``groups``: dicts with a glob pattern of parameter names (as in
    :mod:`fnmatch`) and the options that are to be others for them. The first pattern that matches
    a name wins; one that matches no parameter raises ArchitectureError at the first ``update``.

    >>> from jairika_nb import optim
    >>> opt = optim.AdamW(lr=1e-3, groups=[{"match": "*.bias", "weight_decay": 0}])
    >>> opt.groups[0]["weight_decay"], opt.weight_decay
    (0, 0.01)
    """

    options: tuple[str, ...] = ("lr",)
    slots: tuple[str, ...] = ()
    lr: float
    # What only `scalars` reads: it may change while a compiled step is replayed.
    live: tuple[str, ...] = ()
    # Of these, what `rule` asks whether it is 0.
    switches: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ("steps", "owners")
    __signature__ = FromInit()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Seen here, as a constructor would rather say that lr came twice.
        refuse(cls.__name__, args, kwargs)
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A rule of one's own may read anything, unless its class says what it leaves alone.
        if "rule" in vars(cls) and "live" not in vars(cls):
            cls.live = ()
        cls.unwatched = ("steps", "owners", *cls.live)

    def __init__(self) -> None:
        self.reset()
        self.groups: list[Group] = []

    def __getattr__(self, name: str) -> Any:
        # Only reached where normal lookup fails.
        raise AttributeError(missing(type(self).__name__, name))

    def __setattr__(self, name: str, value: Any) -> None:
        known = name in type(self).options
        object.__setattr__(self, name, checked(type(self), name, value) if known else value)

    def take(self, groups: Groups, **options: Any) -> None:
        """Set options, and groups that differ in some; what a constructor ends with."""
        for name, value in options.items():
            setattr(self, name, value)
        self.groups = [Group.of(type(self), given) for given in groups]
        for i in range(-1, len(self.groups)):
            self.within(i).check()

    def check(self) -> None:
        """Raise TrainingError for options that do not go together."""

    def within(self, group: int) -> Any:
        """The optimiser as the parameters of a group see it, -1 for those of none."""
        if group < 0:
            return self
        view = object.__new__(type(self))
        vars(view).update({**vars(self), **self.groups[group].options})
        return view

    def ruler(self, name: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """What the rule for a parameter is found by, and the optimiser that has it."""
        group = first_match(self.groups, name)
        return group, self.within(group)

    def patterns(self) -> list[Group]:
        """The groups, each of which some parameter must match."""
        return self.groups

    def scalars(self, step: int) -> tuple[float, ...]:
        """The numbers that change from step to step, counted from 1."""
        raise NotImplementedError

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """The new parameter and its new slots."""
        raise NotImplementedError

    def update(self, model: Any, grads: Mapping[str, Tensor]) -> None:
        """Replace the model's parameters by what ``grads``, by parameter name, make of them.

        The step is started at once and nothing waits for it; a loss that somebody holds is
        computed with it. Parameters without a gradient stay, and so do frozen ones. Where it
        fails, model and state stay as they were. Raises ArchitectureError for names that the
        model lacks, ShapeError for shapes that differ, TrainingError for gradients without names
        and for another network than the one whose moments are held under these names.
        """
        check_by_name(grads)
        parameters = dict(model.named_parameters())
        _check(parameters, grads)
        check_matches(self.patterns(), parameters)
        owners = owners_in(model)
        check_belongs(self, model, owners)
        frozen: list[str] = getattr(model, "frozen_names", list)()
        grads = {name: g for name, g in grads.items() if name not in frozen}
        before = self.memory()
        try:
            follow(self, owners)
            new = self._stepped(parameters, grads)
            self.owners.update({name: owners[name] for name in grads})
            if tracing.active.get() is None:
                # Running statistics too, before what they are made of is gone.
                autograd.eval(*new.values(), *self.tensors(), *model.buffers())
        except BaseException:
            self.recall(before)
            raise
        model.replace(new)

    def _stepped(
        self, parameters: Mapping[str, Tensor], grads: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The parameters after a step; the state becomes that of after it."""
        together: dict[Any, list[str]] = {}
        rulers: dict[Any, Any] = {}
        for name in grads:
            parameter = parameters[name]
            which, ruler = self.ruler(name, parameter.shape)
            key = (which, self._step(name, parameter), parameter.dtype, parameter.device)
            together.setdefault(key, []).append(name)
            rulers[key] = ruler
        new: dict[str, Tensor] = {}
        for key, names in together.items():
            numbers = self._numbers(names, parameters[names[0]], rulers[key])
            for name in names:
                slots = self.state.get(name, {})
                new[name], slots = rulers[key].rule(parameters[name], grads[name], slots, numbers)
                # Detached, so that a step does not keep the graphs of all the steps before it. The
                # state may be of a wider dtype, from before the network was converted.
                new[name] = new[name].astype(parameters[name].dtype).detach()
                self.state[name] = {slot: value.detach() for slot, value in slots.items()}
        return new

    def _numbers(self, names: list[str], parameter: Tensor, ruler: Any) -> list[Tensor]:
        """The scalars of the next step of parameters that took equally many, which it counts."""
        switched, shape = ruler.switched(), parameter.shape

        def now() -> Any:
            return self.ruler(names[0], shape)[1]

        def advance() -> tuple[float, ...]:
            step = self.steps.get(names[0], 0) + 1
            # Another dict: a replay that fails puts the old one back.
            self.steps = {**self.steps, **dict.fromkeys(names, step)}
            return now().scalars(step)

        def holds() -> bool:
            return len({*map(self.steps.get, names)}) == 1 and now().switched() == switched

        # As data, not as constants of the graph: else every step would compile new kernels.
        node = per_call(self, advance, holds, parameter.dtype, parameter.device)
        row = Tensor(node)
        return [row[i] for i in range(row.shape[0])]

    def switched(self) -> list[bool]:
        """Which of the switches are on: the graph of a step depends on no more than that."""
        return [bool(getattr(self, name)) for name in self.switches]

    def _step(self, name: str, parameter: Tensor) -> int:
        slots = self.state.get(name, {})
        if any(value.shape != parameter.shape for value in slots.values()):
            # The layer was resized: what is known about the old one says nothing any more.
            self.state.pop(name)
            self.steps.pop(name, None)
        elif any(value.device is not parameter.device for value in slots.values()):
            self.state[name] = {k: v.to(parameter.device) for k, v in slots.items()}
        return self.steps.get(name, 0) + 1

    def follow(self, model: Any) -> None:
        """Give what is remembered the names that its layers have in ``model`` after surgery.

        An update does that by itself, and so does a commit of both.
        """
        follow(self, owners_in(model))

    def rows(self, option: str = "lr") -> list[Any]:
        """The optimiser and its groups that have an option of their own: what schedules move."""
        return [self, *(group for group in self.groups if option in group)]

    def state_dict(self) -> dict[str, Any]:
        """All there is to save: hyper-parameters, and ``PARAMETER.step``, ``PARAMETER.SLOT``.

        What a group sets is ``groups[0]:OPTION``, its pattern ``groups[0]:match``.
        """
        return saving.flat(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state, with its options and groups, in the next network updated.

        All or nothing: ArchitectureError lists all entries that do not fit, TrainingError tells a
        value that an option may not have.
        """
        saving.load(self, state)

    def __repr__(self) -> str:
        shown = [f"{option}={getattr(self, option)}" for option in self.options]
        shown += [f"groups={self.groups}"] if self.groups else []
        return f"{type(self).__name__}({', '.join(shown)})"


def _check(parameters: Mapping[str, Tensor], grads: Mapping[str, Tensor]) -> None:
    unknown = [name for name in grads if name not in parameters]
    if unknown:
        raise ArchitectureError(
            f"gradients for {', '.join(unknown)}, which the model has not; it has "
            f"{', '.join(parameters) or 'no parameters'}"
        )
    for name, gradient in grads.items():
        if gradient.shape != parameters[name].shape:
            raise ShapeError(
                f"the gradient of {name} has shape {gradient.shape}, the parameter "
                f"{parameters[name].shape}"
            )


def zeros_like(parameter: Tensor) -> Tensor:
    """Zeros in memory of their own.

    As a constant they would give the first step a graph of its own and compile its kernels twice.
    """
    zeros = np.zeros(parameter.shape, parameter.dtype.numpy)
    return tensor(zeros, dtype=parameter.dtype, device=parameter.device)
