"""Every error that jairika_nb raises on purpose.

::

    JairikaError
    ├── ShapeError (ValueError)          operands whose shapes do not fit
    ├── DTypeError (TypeError)           operands whose dtypes do not fit
    ├── OutOfRange (IndexError)          an index or axis outside its range
    ├── ArgumentError (TypeError)        an argument that a function does not take
    ├── MatrixError (ValueError)         a matrix without inverse or factor, told by its values
    ├── DeviceError (RuntimeError)       no device, a broken driver, a dtype the device lacks
    │   ├── KernelError                  a kernel that does not compile or launch
    │   ├── OutOfMemory (MemoryError)    the device has no room left
    │   └── NotShareable (BufferError)    memory that only a copy can hand over
    ├── GradientError (ValueError)       a derivative that does not exist or was freed
    ├── ReplayError (RuntimeError)       a compiled function that cannot be replayed
    ├── ArchitectureError (ValueError)   unknown layer types, parameters that do not match
    ├── DataError (ValueError)           a dataset that is missing, empty or damaged
    ├── TrainingError (ValueError)       training that cannot start or go on
    ├── MissingPackage (ImportError)     an optional package that is not installed
    ├── StoreError (RuntimeError)        anything about a model file
    │   ├── AddressError                 missing, foreign, or already there
    │   │   └── NoSuchFile               nothing is at the address
    │   ├── Forbidden                    the model's access rules do not allow it
    │   ├── NotFound (LookupError)       no such variant or iteration
    │   ├── NameTaken                    the variant or iteration exists already
    │   ├── BadName (ValueError)         a name the file cannot hold
    │   ├── ReadOnly                     the model, the file or its folder refuses writes
    │   ├── Locked                       another program is writing
    │   ├── HeadMoved                    another program committed to the variant meanwhile
    │   ├── MergeConflict                both sides changed the same layers
    │   ├── NoSpace                      the disk is full; the last state is intact
    │   ├── Untrusted                    not signed by a trusted key, where that is required
    │   ├── KeyProblem                   a key that is missing, wrong or open to others
    │   └── Damaged                      bytes that do not match their checksum
    └── WordError (ValueError)           an unknown `jrk` word, or arguments it does not take

A message is one sentence or a few on one line: what was asked, the operands, the rule, a way
out. ``JairikaError`` is all a caller needs to catch.
"""

from __future__ import annotations


class JairikaError(Exception):
    """Base of all errors raised on purpose by this package."""

    def __str__(self) -> str:
        # LookupError subclasses would print the repr of their message.
        return str(self.args[0]) if self.args else ""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a mistake of the user's is one line, not a stack of ours.
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", ())]


class ShapeError(JairikaError, ValueError):
    """Operands whose shapes do not fit together."""


class DTypeError(JairikaError, TypeError):
    """Operands whose dtypes do not fit together."""


class OutOfRange(JairikaError, IndexError):
    """An index or axis outside its range."""


class MatrixError(JairikaError, ValueError):
    """A matrix whose values allow no inverse or factor: singular, not positive definite."""


class ArgumentError(JairikaError, TypeError):
    """An argument that a function does not take, or one of a wrong kind."""


class DeviceError(JairikaError, RuntimeError):
    """No usable device, a broken driver, or something the device cannot do."""


class KernelError(DeviceError):
    """A kernel that does not compile or launch."""


class OutOfMemory(DeviceError, MemoryError):
    """The device has no room left."""


class NotShareable(DeviceError, BufferError, ValueError):
    """Memory that only a copy can hand over, where no copy was allowed."""


class GradientError(JairikaError, ValueError):
    """A derivative that does not exist or whose graph was freed."""


class ReplayError(JairikaError, RuntimeError):
    """A compiled function that does what a replay could not repeat."""


class ArchitectureError(JairikaError, ValueError):
    """Unknown layer types, or parameters that do not match the architecture."""


class DataError(JairikaError, ValueError):
    """A dataset that is missing, empty or damaged."""


class TrainingError(JairikaError, ValueError):
    """Training that cannot start or go on."""


class MissingPackage(JairikaError, ImportError):
    """An optional package that is not installed."""


class StoreError(JairikaError, RuntimeError):
    """Anything about a model file."""


class AddressError(StoreError):
    """An address that is missing, foreign, or already taken."""


class NoSuchFile(AddressError):
    """Nothing is at the address."""


class Forbidden(StoreError):
    """The access rules of the model do not allow it."""


class NotFound(StoreError, LookupError):
    """No such variant or iteration."""


class NameTaken(StoreError):
    """The variant or iteration exists already."""


class BadName(StoreError, ValueError):
    """A name that the file cannot hold."""


class ReadOnly(StoreError):
    """The model, the file or its folder refuses writes."""


class Locked(StoreError):
    """Another program is writing."""


class HeadMoved(StoreError):
    """Another program committed to the variant since it was opened."""


class MergeConflict(StoreError):
    """Both sides changed the same layers; ``layers`` names them."""

    def __init__(self, message: str, layers: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.layers = layers


class NoSpace(StoreError):
    """The disk is full; the last committed state is intact."""


class Untrusted(StoreError):
    """An iteration that no trusted key has signed, where signatures are required."""


class KeyProblem(StoreError):
    """A key that is missing, does not fit, or that others may read."""


class Damaged(StoreError):
    """Bytes that do not match their checksum."""


class WordError(JairikaError, ValueError):
    """An unknown ``jrk`` word, or arguments it does not take."""
