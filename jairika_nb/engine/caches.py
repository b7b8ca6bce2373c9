"""The processor's caches, as the system tells of them."""

from __future__ import annotations

from pathlib import Path

CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")


def last_cache() -> int:
    """Bytes of the processor's last cache, 0 where the system does not tell.

    >>> last_cache() >= 0
    True
    """
    try:
        text = CACHE.read_text().strip()
    except OSError:
        return 0
    scale = {"K": 1 << 10, "M": 1 << 20}.get(text[-1:], 0)
    return int(text[:-1]) * scale if text[:-1].isdigit() else 0
