"""Say over Jupyter's event bus when a model changed, while somebody cares to hear it."""

from __future__ import annotations

import time
from logging import Logger
from typing import Any

from jupyter_events import EventLogger
from tornado.ioloop import PeriodicCallback

from jairika_nb.errors import JairikaError
from jairika_nb.server.models import Models

SCHEMA = "urn:jairika-nb:model-changed:v1"
PERIOD_MS = 1000
RESCAN = 4.0
"""Seconds after which new model files are looked for, not only new states of known ones."""
IDLE = 90.0
"""Seconds without a request after which watching stops; a sidebar in sight asks more often."""


class Watch:
    """Looks at the known models every second, from the first request until none come."""

    def __init__(self, models: Models, events: EventLogger, log: Logger) -> None:
        self._models = models
        self._events = events
        self._log = log
        self._asked = float("-inf")
        self._known: dict[str, int | None] | None = None
        self._timer = PeriodicCallback(self.look, PERIOD_MS)

    def heard(self) -> None:
        """Note that a client asked just now; start looking if that had stopped."""
        self._asked = time.monotonic()
        if not self._timer.is_running():
            self._known = None
            self._timer.start()

    def told(self, generations: dict[str, int | None]) -> None:
        """Note what a client was told, so that the first look finds what changed since."""
        if self._known is None:
            self._known = generations

    async def look(self) -> None:
        """Compare all models with the last look and emit one event per difference."""
        if time.monotonic() - self._asked > IDLE:
            self._timer.stop()
            return
        try:
            now = await self._models.generations(RESCAN)
        except (JairikaError, OSError) as error:
            self._log.warning("jairika_nb: cannot look for changed models: %s", error)
            return
        before, self._known = self._known, now
        for event in differences(now if before is None else before, now):
            self._events.emit(schema_id=SCHEMA, data=event)


def differences(before: dict[str, int | None], now: dict[str, int | None]) -> list[dict[str, Any]]:
    """Return the events that lead from one set of state counters to another.

    >>> differences({"a": 1, "b": 1}, {"b": 2})
    [{'action': 'removed', 'path': 'a'}, {'action': 'changed', 'path': 'b', 'generation': 2}]
    """
    events: list[dict[str, Any]] = []
    for path in sorted(before.keys() | now.keys()):
        if path not in now:
            events.append({"action": "removed", "path": path})
        elif path not in before or before[path] != now[path]:
            action = "changed" if path in before else "added"
            events.append({"action": action, "path": path, "generation": now[path]})
    return [{k: v for k, v in event.items() if v is not None} for event in events]
