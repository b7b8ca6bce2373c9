"""Amounts as people read them: bytes, operations, rates, times."""

from __future__ import annotations


def amount(n: float, unit: str = "") -> str:
    """A number with a decimal prefix.

    >>> amount(1_536, "B"), amount(12, "flop"), amount(2.5e9, "B/s"), amount(3_000_000)
    ('1.54 kB', '12 flop', '2.5 GB/s', '3 M')
    """
    for prefix in ("", "k", "M", "G"):
        if abs(n) < 999.5:
            return f"{n:.3g} {prefix}{unit}".rstrip()
        n /= 1000
    return f"{n:.3g} T{unit}"


def giga(n: float, seconds: float) -> str:
    """Thousands of millions a second, ``-`` where no time was measured or nothing was counted.

    >>> giga(5e9, 2), giga(3e4, 0.1), giga(0, 1)
    ('2.5', '0.0003', '-')
    """
    return f"{n / seconds / 1e9:.3g}" if seconds > 0 and n else "-"


def ratio(n: float, by: float) -> str:
    """A quotient, ``-`` where nothing can be divided."""
    return f"{n / by:.3g}" if n and by else "-"


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


def shortened(name: str, longest: int = 44) -> str:
    """A name that may have lost its middle.

    >>> shortened("row_max_sub_exp_sum", 12)
    'row_m...sum'
    """
    if len(name) <= longest:
        return name
    half = (longest - 3) // 2
    return f"{name[: half + 1]}...{name[-half + 1 :]}"
