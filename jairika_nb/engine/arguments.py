"""The arguments of a kernel that is being written: each one's name, declaration and value."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import inplace
from jairika_nb.engine.dtypes import REGISTERS
from jairika_nb.engine.fused import Kernel
from jairika_nb.engine.program import Entry
from jairika_nb.engine.scope import Saved
from jairika_nb.engine.source import Argument

# The order of the parameters: outputs, inputs, numbers, random streams, sizes, what stays inside.
ORDER = ("out", "in", "c", "k", "n", "fault", "scratch")


class Arguments:
    """Gives a name to whatever the text refers to, and declares it once."""

    def __init__(self, kernel: Kernel, entries: list[Entry]) -> None:
        self.kernel = kernel
        self.entries = entries
        self.names: dict[Any, str] = {}
        self.integer = "long" if kernel.is_long else "int"
        self.saved: Saved | None = None
        # Outputs and inputs that may be one buffer.
        self.pairs = inplace.elementwise(kernel, entries)
        self._shared = {e for pair in self.pairs for e in pair}
        self._arguments: list[tuple[int, str, Argument]] = []

    def buffer(self, entry: int, output: bool = False) -> str:
        """The name of a buffer argument."""
        kind, const = ("out", "") if output else ("in", "const ")
        promise = "" if entry in self._shared else "restrict "
        text = f"global {const}{self.entries[entry].dtype.opencl} *{promise}{{}}"
        return self._argument(kind, entry, text, Argument("buffer", entry))

    def integer_argument(self, value: int) -> str:
        """A size, stride or offset; 0, 1 and 2 are written as they are."""
        if value < 0:
            return f"(-{self.integer_argument(-value)})"
        if value <= 2:
            return str(value)
        return self._argument(
            "n", value, f"const {self.integer} {{}}", Argument(self.integer, value)
        )

    def bound(self, value: int) -> str:
        """A size as an operand of min(), which wants both of one type."""
        text = self.integer_argument(value)
        return f"({self.integer}){text}" if text.isdigit() else text

    def scalar(self, slot: int, dtype: Any) -> str:
        """A number that is data: an argument."""
        return self._argument(
            "c", (slot, dtype), f"const {dtype.lane} {{}}", Argument("scalar", slot, dtype)
        )

    def stream(self, slot: int) -> list[str]:
        """Key and call of a random stream."""
        return [
            self._argument("k", (slot, word), "const uint {}", Argument("stream", (slot, word)))
            for word in range(3)
        ]

    def _argument(self, kind: str, key: Any, text: str, argument: Argument) -> str:
        if (kind, key) not in self.names:
            number = sum(known == kind for known, _ in self.names)
            name = self.names[kind, key] = "fault" if kind == "fault" else f"{kind}{number}"
            rank = ORDER.index(kind)
            self._arguments.append((rank, text.format(name), argument))
            self._arguments.sort(key=lambda row: row[0])
        return self.names[kind, key]

    def scratch(self, items: int) -> None:
        """The memory of ``items`` work-items for what :class:`Saved` tells."""
        for number, expr in enumerate(self.saved.passes if self.saved else ()):
            assert self.saved is not None
            lane = expr.dtype.lane
            nbytes = items * self.saved.stride * REGISTERS[lane]().itemsize
            # One of its own in a launch of several kernels.
            own = Argument("scratch", nbytes, (self.kernel.outputs[0].entry, number))
            self._argument("scratch", number, f"global {lane} *restrict {{}}", own)

    @property
    def arguments(self) -> list[Argument]:
        """The arguments in the order of the parameters."""
        return [argument for _, _, argument in self._arguments]

    @property
    def parameters(self) -> list[str]:
        """The declarations of the parameters."""
        return [text for _, text, _ in self._arguments]
