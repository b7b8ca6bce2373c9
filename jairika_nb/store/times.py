"""Moments as the file keeps them: whole seconds of UTC since 1970."""

from __future__ import annotations

import time as clock
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from jairika_nb.errors import StoreError

TWO = [f"{number:02}" for number in range(60)]
LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def seconds(time: datetime | str | None) -> int:
    """Seconds of UTC since 1970 for a datetime, an ISO 8601 string, or None for now.

    A time without a zone is taken as UTC. Raises ``StoreError`` for anything else, and for
    years before 1970.

    >>> seconds("2023-10-05T14:23:45Z")
    1696515825
    """
    if time is None:
        return int(clock.time())
    moment = _parsed(time)
    stamp = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    if not 0 <= stamp <= LAST:
        raise StoreError(f"cannot use the time {time!r}: years from 1970 to 9999 can be kept")
    return stamp


def moment(stamp: int) -> datetime:
    """The UTC datetime of ``stamp`` seconds since 1970."""
    return datetime.fromtimestamp(stamp, UTC)


def printed(stamp: int) -> str:
    """The one printed form of a time.

    >>> printed(1696515825)
    '2023-10-05T14:23:45Z'
    """
    days, second = divmod(stamp, 86_400)
    minute = second // 60
    return f"{_day(days)}T{TWO[minute // 60]}:{TWO[minute % 60]}:{TWO[second % 60]}Z"


@lru_cache(1000)
def _day(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days)).isoformat()


def _parsed(time: datetime | str) -> datetime:
    if isinstance(time, datetime):
        return time
    try:
        return datetime.fromisoformat(time)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"cannot use the time {time!r}: give a datetime, or text as '2023-10-05T14:23:45Z'"
        ) from error
