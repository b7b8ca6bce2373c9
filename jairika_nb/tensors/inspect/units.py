"""Amounts as people read them: bytes, operations, rates, times."""

from __future__ import annotations


def amount(n: float, unit: str = "") -> str:
    """A number with a decimal prefix.

    >>> amount(1_536, "B"), amount(12, "flop"), amount(2.5e9, "B/s"), amount(3_000_000)
    ('1.536 kB', '12 flop', '2.5 GB/s', '3 M')
    """
    for prefix in ("", "k", "M", "G"):
        if abs(n) < 999.95:
            return f"{n:.4g} {prefix}{unit}".rstrip()
        n /= 1000
    return f"{n:.4g} T{unit}"


def rate(n: float, seconds: float, unit: str) -> str:
    """An amount per second, ``-`` where no time was measured or nothing was counted."""
    return amount(n / seconds, unit + "/s") if seconds > 0 and n else "-"


def duration(seconds: float) -> str:
    """A time in the unit that fits.

    >>> duration(0.0000123), duration(0.25), duration(12)
    ('12.3 us', '250 ms', '12 s')
    """
    for factor, unit in ((1e6, "us"), (1e3, "ms")):
        if seconds * factor < 999.5:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.4g} s"


def number(n: int, noun: str) -> str:
    """A count with its noun.

    >>> number(1, "kernel"), number(2500, "launch")
    ('1 kernel', '2,500 launches')
    """
    plural = noun + ("es" if noun.endswith(("ch", "s")) else "s")
    return f"{n:,} {noun if n == 1 else plural}"


def intensity(flops: int, moved: int) -> str:
    """Arithmetic intensity: operations for each byte moved."""
    return f"{flops / moved:.3g} flop/B" if moved else "-"
