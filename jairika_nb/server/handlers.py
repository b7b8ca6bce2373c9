"""The endpoints under ``<base>/jairika-nb/v1/``: ``info``, ``models``, ``tree?path=``.

These are GET and answer JSON, for the sidebar; ``exchange`` has those for other programs. All
need a signed-in user whom the authoriser lets read the resource ``jairika-nb``, and show what the
access rules of a model let that user see. A refusal is ``{"message": ..., "kind": ...}`` with

===  ==============================================================
400  a path that is missing, absolute, or leads out of the root
403  the model's access rules do not allow it
404  no model there
409  a file that is there but is no readable model
503  the file cannot be read just now; ``Retry-After`` says when
507  the disk is full
===  ==============================================================
"""

from __future__ import annotations

import json
import os
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from jairika_nb import __version__
from jairika_nb.errors import (
    ArgumentError,
    Forbidden,
    JairikaError,
    Locked,
    NoSpace,
    NoSuchFile,
)
from jairika_nb.server.models import Models
from jairika_nb.server.people import principal
from jairika_nb.store.calling import MARK, PREFIX

API = 1
"""Raised when an answer changes in a way that an older sidebar cannot read."""
RETRY_SECONDS = 2


class ModelsHandler(APIHandler):
    """What the endpoints share: who may ask, and how a refusal looks."""

    auth_resource = "jairika-nb"

    def set_default_headers(self) -> None:
        """Let a client tell an answer of ours, a refusal too, from somebody else's."""
        super().set_default_headers()
        self.set_header(MARK, str(API))

    def prepared(self) -> Models:
        """Return the models, having told the watcher that somebody asks for them."""
        self.settings["jairika_nb_watch"].heard()
        self.set_header("Cache-Control", "no-store")
        return self.settings["jairika_nb_models"]

    def refuse(self, error: Exception) -> None:
        """Answer with a status and a message that a person can act on."""
        status, message = refusal(error)
        # Where the root lies on the disk is nobody's business.
        message = message.replace(f"{self.settings['jairika_nb_models'].root}{os.sep}", "")
        self.set_status(status)
        if status == 503:
            self.set_header("Retry-After", str(RETRY_SECONDS))
        known = isinstance(error, JairikaError)
        kind = type(error).__name__ if known else "NoSuchFile" if status == 404 else "StoreError"
        self.finish(json.dumps({"message": message, "kind": kind}))


class InfoHandler(ModelsHandler):
    """Versions, for the sidebar to compare with its own."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Answer ``{"version", "api"}``."""
        self.prepared()
        self.finish(json.dumps({"version": __version__, "api": API}))


class ListHandler(ModelsHandler):
    """The models under the server's root."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{"models": [...], "truncated"}``; ``truncated`` where limits cut it short."""
        try:
            answer = await self.prepared().listed()
        except (JairikaError, OSError) as error:
            return self.refuse(error)
        told = {row["path"]: row["generation"] for row in answer["models"]}
        self.settings["jairika_nb_watch"].told(told)
        await self.finish(json.dumps(answer))


class TreeHandler(ModelsHandler):
    """The version tree of one model."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer the tree of the model at ``path``, relative to the server's root."""
        try:
            models, who = self.prepared(), principal(self)
            answer = await models.tree(self.get_query_argument("path", ""), who)
        except (JairikaError, ValueError, OSError) as error:
            return self.refuse(error)
        await self.finish(answer)


STATUS: dict[type[JairikaError], int] = {
    Locked: 503,
    Forbidden: 403,
    NoSuchFile: 404,
    NoSpace: 507,
    ArgumentError: 400,
}


def refusal(error: Exception) -> tuple[int, str]:
    """Return the status and message that stand for an error of the store or the file system.

    >>> refusal(FileNotFoundError("no model at 'a.jrk.h5'"))
    (404, "no model at 'a.jrk.h5'")
    """
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return status, str(error)
    if isinstance(error, JairikaError):
        return 409, str(error)
    if isinstance(error, ValueError):
        return 400, str(error)
    if isinstance(error, FileNotFoundError):
        return 404, str(error)
    if isinstance(error, PermissionError):
        return 409, "the server may not read this file; change its permissions"
    return 503, f"the file cannot be read just now: {error}"


def handlers(base_url: str) -> list[tuple[str, Any]]:
    """Return the endpoints as Tornado takes them."""
    from jairika_nb.server import exchange

    endpoints: dict[str, Any] = {"info": InfoHandler, "models": ListHandler, "tree": TreeHandler}
    endpoints |= exchange.ENDPOINTS
    return [(url_path_join(base_url, PREFIX, name), each) for name, each in endpoints.items()]
