"""The lazy graph: nodes, the table of operations, and how a node is made.

A node is immutable in meaning: an operation, its inputs and attributes, and the shape and dtype
that its row in the table inferred. ``value`` is only a cache of what was computed. Equal subgraphs
stay separate nodes, because a derivative with respect to one of two equal tensors is not the
derivative with respect to both; the planner merges them by value numbering before it runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any

from jairika_nb.engine import tracing
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.sites import Site
from jairika_nb.errors import DeviceError, GradientError

Shape = tuple[int, ...]


class Node:
    """One operation of the lazy graph; see the module's docstring."""

    __slots__ = (
        "__weakref__", "age", "attrs", "device", "dtype", "handle", "inputs", "op", "shape",
        "site", "strain", "value",
    )  # fmt: skip

    def __init__(
        self,
        op: str,
        inputs: tuple[Node, ...],
        attrs: tuple,
        shape: Shape,
        dtype: DType,
        device: Device,
        value: Any = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.attrs = attrs
        self.shape = shape
        self.dtype = dtype
        self.device = device
        self.value = value
        self.site: Site | None = None
        # A tensor of one number that is computed along while somebody holds it: this node's own,
        # or the loss whose gradient this is.
        self.handle: Callable[[], Any] | None = None
        # How long the history is, and how much of it waits: an operation without value counts
        # 1, and 1 more for each MiB that it keeps on its device.
        age = strain = kept = 0
        for i in inputs:
            if i.age >= age:
                age = i.age + 1
            if i.value is not None:
                kept += i.value.nbytes >> 20
            elif i.strain > strain:
                strain = i.strain
        self.age: int = age
        self.strain: int = strain + kept + 1

    def __repr__(self) -> str:
        return f"<{self.op} {self.dtype.name}{list(self.shape)}>"

    @property
    def size(self) -> int:
        """How many elements the node has."""
        count = 1
        for n in self.shape:
            count *= n
        return count


Infer = Callable[..., tuple[Shape, DType]]
# (cotangent, result node, *inputs) -> one cotangent, or None, for each input
Vjp = Callable[..., tuple["Node | None", ...]]


@dataclass(frozen=True)
class Op:
    """One row of the table of operations.

    ``kind`` is source, elementwise, view, gather, reduce, contract, composite, routine (a kernel
    of its own on stored inputs), host (NumPy computes it) or barrier; ``infer(*inputs, attrs)``
    gives shape and dtype or raises; ``reference(attrs, *arrays)`` computes with NumPy;
    ``vjp(g, out, *inputs)`` gives cotangents in terms of other operations; ``code`` is the
    OpenCL C expression of an elementwise operation or the combining step of a reduction, with
    ``{0}``, ``{1}`` for operands; ``cost`` weighs it against an addition. An operation of kind
    composite runs on a device by ``expand(attrs, *inputs)``, which builds it from others.
    """

    name: str
    kind: str
    infer: Infer
    reference: Callable[..., Any]
    vjp: Vjp | None = None
    code: str = ""
    cost: int = 1
    expand: Callable[..., Node] | None = None


TABLE: dict[str, Op] = {}


def define(op: Op) -> Op:
    """Add a row to the table."""
    TABLE[op.name] = op
    return op


def make(name: str, inputs: Iterable[Node], attrs: tuple = ()) -> Node:
    """A node of the named operation, checked now: shapes, dtypes and devices must fit."""
    inputs = tuple(inputs)
    device = _same_device(name, inputs)
    shape, dtype = TABLE[name].infer(*inputs, attrs)
    device.check_dtype(dtype)
    return Node(name, inputs, attrs, shape, dtype, device)


def _same_device(name: str, inputs: tuple[Node, ...]) -> Device:
    first = inputs[0].device
    for other in inputs[1:]:
        if other.device is not first:
            raise DeviceError(
                f"{name}: operands live on {first.id} and {other.device.id}; "
                "move one with x.to(device)"
            )
    return first


def leaf(value: Any, shape: Shape, dtype: DType, device: Device) -> Node:
    """A node that holds data already on its device."""
    return Node("leaf", (), (), shape, dtype, device, value)


def topological(
    roots: Iterable[Node], through_values: bool = False, ends: Container[int] = ()
) -> list[Node]:
    """All nodes that ``roots`` need, inputs before users.

    What computed a value that is there already is left out, unless ``through_values``; what is
    behind the nodes whose ids are in ``ends`` always.
    """
    order: list[Node] = []
    opened: set[int] = set()
    done: set[int] = set()
    stack = [*roots][::-1]
    while stack:
        node = stack[-1]
        key = id(node)
        if key in opened:
            stack.pop()
            if key not in done:
                done.add(key)
                order.append(node)
            continue
        opened.add(key)
        if node.inputs and (through_values or node.value is None) and key not in ends:
            stack += [i for i in reversed(node.inputs) if id(i) not in opened]
    return order


def cotangents(y: Node, sources: list[Node], upstream: Node) -> list[Node | None]:
    """Reverse derivatives: for each source the sum over paths of upstream times Jacobians.

    The result is ordinary graph, so it can be derived again. None stands for "unconnected".
    """
    wanted = {id(s) for s in sources}
    trace = tracing.active.get()
    ends = trace.inputs if trace is not None else {}
    order = _history(y, wanted, ends)
    reaching: set[int] = set()
    for node in order:
        below = () if id(node) in ends else node.inputs
        if id(node) in wanted or any(id(i) in reaching for i in below):
            reaching.add(id(node))
    grads: dict[int, Node] = {id(y): upstream}
    for node in reversed(order):
        g = grads.get(id(node))
        if g is None or not node.inputs or id(node) not in reaching or id(node) in ends:
            continue
        _push(node, g, reaching, grads)
    return [grads.get(id(s)) for s in sources]


def _history(y: Node, wanted: set[int], ends: Container[int]) -> list[Node]:
    """All that ``y`` was made of, inputs before users, up to ``ends``.

    Raises GradientError where a wanted source lies beyond a place that no derivative passes: the
    inputs of a function that is being traced, the result of one that was replayed.
    """
    order = topological([y], through_values=True, ends=ends)
    beyond: list[Node] = []
    for node in order:
        if node.op == "replayed":
            beyond += node.attrs[0].connected()
        elif id(node) in ends:
            beyond += node.inputs
    hidden = topological(beyond, through_values=True) if beyond else []
    if any(id(n) in wanted for n in hidden):
        raise GradientError(
            "the derivative passes a place where the graph ends: an argument or result of a "
            "compiled function (take it inside, or leave that function uncompiled), or a history "
            "so long that it was let go (take it earlier, or start anew with x.detach())"
        )
    return order


def _push(node: Node, g: Node, reaching: set[int], grads: dict[int, Node]) -> None:
    vjp = TABLE[node.op].vjp
    if vjp is None:
        raise GradientError(f"{node.op} has no derivative; use x.detach() to cut the graph there")
    for inp, gi in zip(node.inputs, vjp(g, node, *node.inputs), strict=True):
        if gi is None or id(inp) not in reaching or inp.dtype.kind != "float":
            continue
        known = grads.get(id(inp))
        grads[id(inp)] = gi if known is None else make("add", (known, gi))
