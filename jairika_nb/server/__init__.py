"""The part of a Jupyter server that the sidebar talks to: JSON about model files, read-only.

It reads files under the server's root through the store's lock-free reader, answers who is
signed in and allowed, and says over Jupyter's event bus when a model changed. It never imports
the engine, h5py, or anything of a kernel's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from jupyter_events import EventLogger
    from jupyter_server.serverapp import ServerApp

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jairika_nb.server"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    from jairika_nb.server.handlers import handlers
    from jairika_nb.server.models import Models
    from jairika_nb.server.watch import Watch

    # Jupyter declares that a server may lack an event logger, and gives each one all the same.
    events = cast("EventLogger", app.event_logger)
    events.register_event_schema(Path(__file__).parent / "events" / "model_changed.yaml")
    models = Models(app.contents_manager)
    watch = Watch(models, events, app.log)
    app.web_app.settings["jairika_nb_models"] = models
    app.web_app.settings["jairika_nb_watch"] = watch
    app.web_app.add_handlers(".*$", handlers(app.web_app.settings["base_url"]))
    app.log.info("jairika_nb: models under %s are listed at %s", models.root, "jairika-nb/v1/")
