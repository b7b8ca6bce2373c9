"""The word ``devices``: what computes here."""

from __future__ import annotations

from jairika_nb.words.results import Sheet
from jairika_nb.words.session import Session


def devices(session: Session) -> Sheet:
    """The devices that compute here; the first one is used unless another is asked for."""
    from jairika_nb.engine.device import devices as working

    facts = [
        {
            "id": device.id,
            "kind": device.kind,
            "name": device.name,
            "driver": device.driver,
            "units": device.compute_units,
        }
        for device in working()
    ]
    columns = ("id", "kind", "name", "driver", "units")
    return Sheet(
        "devices",
        columns,
        tuple(tuple(str(fact[column]) for column in columns) for fact in facts),
        {"devices": facts},
        () if any(fact["kind"] != "reference" for fact in facts) else (NO_DRIVER,),
    )


NO_DRIVER = "no OpenCL driver works here: only NumPy computes; `jrk doctor` says why"
