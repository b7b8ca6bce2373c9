"""The tensor: a handle on a node of the lazy graph.

Nothing runs until a value is asked for. The handle may come to point at another node (assignment
by ``x[i] = v``); nodes themselves never change.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes, run
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node
from jairika_nb.engine.sites import here
from jairika_nb.errors import ArgumentError, DTypeError, ShapeError
from jairika_nb.tensors import habits

Axes = int | Sequence[int] | None
PYTHON_KINDS = {"b": dtypes.bool_, "i": dtypes.int32, "u": dtypes.int32, "f": dtypes.float32}
# Later versions of the array API standard only add to earlier ones.
API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


class Tensor:
    """An n-dimensional array of one dtype on one device, computed when its values are needed.

    Made by :func:`jairika_nb.tensor` and friends. Operators, indexing and methods follow the
    array API standard (2025.12); where it has no name, PyTorch's is used with ``axis``.

    >>> import jairika_nb as jrk
    >>> x = jrk.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> (x @ x + 1).tolist()
    [[8.0, 11.0], [16.0, 23.0]]
    """

    __slots__ = ("__weakref__", "node")
    __array_priority__ = 1000
    __hash__ = object.__hash__
    requires_grad, grad, data = habits.Assigned(), habits.Assigned(), habits.Assigned()

    def __init__(self, node: Node) -> None:
        if not isinstance(node, Node):
            raise ArgumentError(
                f"Tensor({type(node).__name__}): tensors are made by jrk.tensor(data)"
            )
        self.node = node
        if node.site is None:
            node.site = here()
        if not node.shape:
            node.handle = weakref.ref(self)
        if node.strain > run.MOST_STRAIN and node.value is None:
            run.relieve([node])

    if TYPE_CHECKING:
        # Attached by the rooms that define them; declared here for type checkers and editors.
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __lshift__(self, other: Any) -> Tensor: ...
        def __rlshift__(self, other: Any) -> Tensor: ...
        def __rshift__(self, other: Any) -> Tensor: ...
        def __rrshift__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def exp(self) -> Tensor: ...
        def exp2(self) -> Tensor: ...
        def expm1(self) -> Tensor: ...
        def log2(self) -> Tensor: ...
        def log10(self) -> Tensor: ...
        def log1p(self) -> Tensor: ...
        def tan(self) -> Tensor: ...
        def asin(self) -> Tensor: ...
        def acos(self) -> Tensor: ...
        def atan(self) -> Tensor: ...
        def sinh(self) -> Tensor: ...
        def cosh(self) -> Tensor: ...
        def asinh(self) -> Tensor: ...
        def acosh(self) -> Tensor: ...
        def atanh(self) -> Tensor: ...
        def sign(self) -> Tensor: ...
        def trunc(self) -> Tensor: ...
        def logical_not(self) -> Tensor: ...
        def log(self) -> Tensor: ...
        def sqrt(self) -> Tensor: ...
        def rsqrt(self) -> Tensor: ...
        def sin(self) -> Tensor: ...
        def cos(self) -> Tensor: ...
        def tanh(self) -> Tensor: ...
        def sigmoid(self) -> Tensor: ...
        def erf(self) -> Tensor: ...
        def square(self) -> Tensor: ...
        def reciprocal(self) -> Tensor: ...
        def detach(self) -> Tensor: ...
        def floor(self) -> Tensor: ...
        def ceil(self) -> Tensor: ...
        def round(self) -> Tensor: ...
        def isnan(self) -> Tensor: ...
        def isfinite(self) -> Tensor: ...
        def isinf(self) -> Tensor: ...
        def abs(self) -> Tensor: ...
        def relu(self) -> Tensor: ...
        def silu(self) -> Tensor: ...
        def maximum(self, other: Any) -> Tensor: ...
        def pow(self, other: Any) -> Tensor: ...
        def remainder(self, other: Any) -> Tensor: ...
        def atan2(self, other: Any) -> Tensor: ...
        def matmul(self, other: Any) -> Tensor: ...
        def minimum(self, other: Any) -> Tensor: ...
        def gelu(self, approximate: str = ...) -> Tensor: ...
        def astype(self, dtype: Any, *, copy: bool = ..., device: Any = ...) -> Tensor: ...
        def clip(self, min: Any = ..., max: Any = ...) -> Tensor: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def permute(self, *axes: Any) -> Tensor: ...
        def transpose(self, axis0: int, axis1: int) -> Tensor: ...
        def expand(self, *shape: Any) -> Tensor: ...
        def flip(self, axis: Axes = ...) -> Tensor: ...
        def squeeze(self, axis: Axes = ...) -> Tensor: ...
        def unsqueeze(self, axis: int = ...) -> Tensor: ...
        def flatten(self, start_axis: int = ..., end_axis: int = ...) -> Tensor: ...
        @property
        def T(self) -> Tensor: ...
        @property
        def mT(self) -> Tensor: ...
        def sum(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def prod(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def max(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def min(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def mean(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def any(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def all(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def argmax(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def argmin(self, axis: Axes = ..., *, keepdims: bool = ..., **more: Any) -> Tensor: ...
        def var(
            self, axis: Axes = ..., *, correction: float = ..., keepdims: bool = ...
        ) -> Tensor: ...
        def std(
            self, axis: Axes = ..., *, correction: float = ..., keepdims: bool = ...
        ) -> Tensor: ...
        def softmax(self, axis: Axes = ...) -> Tensor: ...
        def log_softmax(self, axis: Axes = ...) -> Tensor: ...
        def logsumexp(self, axis: Axes = ..., keepdims: bool = ...) -> Tensor: ...
        def sort(self, axis: int = ..., **more: Any) -> Tensor: ...
        def argsort(self, axis: int = ..., **more: Any) -> Tensor: ...
        def topk(self, k: int, *, axis: int = ..., largest: bool = ...) -> Any: ...
        def kthvalue(self, k: int, *, axis: int = ..., keepdims: bool = ...) -> Any: ...
        def median(self, *, axis: int | None = ..., keepdims: bool = ...) -> Any: ...
        def cumsum(self, axis: int | None = ..., **more: Any) -> Tensor: ...
        def cumprod(self, axis: int | None = ..., **more: Any) -> Tensor: ...
        def take(self, indices: Any, *, axis: int | None = ...) -> Tensor: ...
        def gather(self, axis: int, index: Any) -> Tensor: ...
        def scatter(self, axis: int, index: Any, src: Any, **more: Any) -> Tensor: ...
        def scatter_add(self, axis: int, index: Any, src: Any) -> Tensor: ...
        def index_select(self, axis: int, index: Any) -> Tensor: ...
        def masked_fill(self, mask: Any, value: Any) -> Tensor: ...
        def masked_select(self, mask: Any) -> Tensor: ...
        def nonzero(self) -> tuple[Tensor, ...]: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.node.shape

    @property
    def dtype(self) -> DType:
        """The data type of the elements."""
        return self.node.dtype

    @property
    def device(self) -> Device:
        """Where the tensor is computed and kept."""
        return self.node.device

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.node.shape)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return self.node.size

    @property
    def nbytes(self) -> int:
        """How many bytes the elements take."""
        return self.node.size * self.node.dtype.itemsize

    def realize(self) -> Tensor:
        """Compute the values now and keep them; returns the tensor itself."""
        run.request([self.node])
        return self

    def numpy(self) -> np.ndarray:
        """The values as a fresh NumPy array."""
        return run.to_numpy(self.node)

    def item(self) -> bool | int | float:
        """The value of a tensor with one element, as a Python scalar."""
        if self.size != 1:
            raise ShapeError(f"item: {self.shape} has {self.size} elements, not one; use .numpy()")
        return self.numpy().reshape(-1)[0].item()

    def tolist(self) -> Any:
        """The values as nested Python lists."""
        return self.numpy().tolist()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(habits.of_tensor(name))

    def to(self, device: str | Device | DType) -> Tensor:
        """A copy on another device; the tensor itself where it is there already.

        A dtype instead of a device converts, as :func:`jairika_nb.astype` does.
        """
        if isinstance(device, DType):
            return self.astype(device)
        target = devices.find(device)
        if target is self.device:
            return self
        return Tensor(run.from_numpy(self.numpy(), self.dtype, target))

    def to_device(self, device: str | Device, /, *, stream: Any = None) -> Tensor:
        """As :meth:`to`; the queue of a device is its own, so there is no stream to choose."""
        if stream is not None:
            raise ArgumentError(f"to_device: stream={stream!r} is not taken; leave it out")
        return self.to(device)

    def backward(self, sources: Any = None, upstream: Any = None) -> Any:
        """``jrk.grad(self, sources)``; for a module, its gradients by parameter name.

        Parameters that the module froze are left out. Raises ArgumentError without sources.
        """
        if sources is None:
            raise ArgumentError(
                "backward: gradients are returned, none are kept on tensors: loss.backward(net) "
                "gives them by parameter name, loss.backward([a, b]) in a list"
            )
        from jairika_nb.tensors.autograd import grad

        named = getattr(sources, "named_trainable_parameters", None)
        named = named or getattr(sources, "named_parameters", None)
        if named is None:
            return grad(self, sources, upstream)
        rows = dict(named())
        return dict(zip(rows, grad(self, list(rows.values()), upstream), strict=True))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self.numpy()
        return values if dtype is None else values.astype(dtype)

    def __copy__(self) -> Tensor:
        return Tensor(self.node)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        # Nodes never change, so two handles may share one.
        return Tensor(self.node)

    def __reduce__(self) -> tuple[Any, ...]:
        from jairika_nb.tensors.creation import tensor

        return tensor, (self.numpy(), self.dtype.name)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        import jairika_nb

        if api_version not in (None, *API_VERSIONS):
            raise ArgumentError(
                f"__array_namespace__: api_version {api_version!r} is not offered, these are: "
                f"{', '.join(API_VERSIONS)}"
            )
        return jairika_nb

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError("len: a tensor of shape () has no first axis")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if not dtypes.is_integer(self.dtype) or self.shape:
            raise DTypeError(f"a {self.dtype.name} tensor of shape {self.shape} is no index")
        return operator.index(int(self.item()))

    def __repr__(self) -> str:
        values = np.array2string(self.numpy(), separator=", ", prefix="tensor(")
        return f"tensor({values}, dtype={self.dtype.name}, device={self.device.id})"

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec else str(self), spec)

    def graph(self) -> Any:
        """The lazy graph behind this tensor, drawn as text and in notebooks as a picture."""
        from jairika_nb.tensors.inspect import Graph

        return Graph(self)

    def kernels(self) -> Any:
        """The fused kernels that computing this tensor would launch, with their source."""
        from jairika_nb.tensors.inspect import Kernels

        return Kernels(self)

    def __getitem__(self, key: Any) -> Tensor:
        from jairika_nb.tensors.indexing import get

        return get(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from jairika_nb.tensors.indexing import updated

        self.node = updated(self, key, value).node


def attach(name: str, function: Any) -> None:
    """Make a function (or property) a method of tensors under ``name``."""
    setattr(Tensor, name, function)


def node_of(value: Any, like: Device | None = None) -> Node:
    """The node behind a tensor, or one made from NumPy data or scalars on ``like``."""
    if isinstance(value, Tensor):
        return value.node
    return run.from_numpy(*host_array(value), like or devices.default())


def host_array(value: Any, dtype: DType | None = None) -> tuple[np.ndarray, DType]:
    """Data as a NumPy array, and the dtype its tensor gets.

    Arrays keep their own dtype; Python floats make float32, ints int32, bools bool. Python
    integers must fit the dtype.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"tensor: {error}; rows must have equal lengths") from None
    if hasattr(value, "dtype"):
        own = dtypes.dtype_of(array.dtype)
        return array, dtype or own
    default = PYTHON_KINDS.get(array.dtype.kind)
    if default is None:
        what = "complex numbers are not supported; pass real and imaginary part"
        raise DTypeError(
            f"{type(value).__name__} {str(value)[:40]!r} is no array of real numbers of one "
            f"shape; {what if array.dtype.kind == 'c' else 'pass nested lists of equal lengths'}"
        )
    chosen = dtype or default
    if default is dtypes.int32 and dtypes.is_integer(chosen):
        _check_range(array, chosen)
    return array, chosen


def _check_range(array: np.ndarray, dtype: DType) -> None:
    low, high = dtypes.limits(dtype)
    for extreme in (array.min(initial=0), array.max(initial=0)):
        if not low <= int(extreme) <= high:
            raise DTypeError(
                f"{int(extreme)} does not fit {dtype.name}, which holds {low} to {high}; pass a "
                "wider dtype="
            )
