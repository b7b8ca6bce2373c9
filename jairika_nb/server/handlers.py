"""The endpoints under ``<base>/jairika-nb/v1/``: ``info``, ``models``, ``tree?path=``.

All are GET, answer JSON, and need a signed-in user whom the authoriser lets read the resource
``jairika-nb``. A refusal is ``{"message": ...}`` with

===  ==============================================================
400  a path that is missing, absolute, or leads out of the root
404  no model there
409  a file that is there but is no readable model
503  the file cannot be read just now; ``Retry-After`` says when
===  ==============================================================
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from jairika_nb import __version__
from jairika_nb.errors import JairikaError, Locked
from jairika_nb.server.models import Models

PREFIX = "jairika-nb/v1"
API = 1
"""Raised when an answer changes in a way that an older sidebar cannot read."""
RETRY_SECONDS = 2


class ModelsHandler(APIHandler):
    """What the endpoints share: who may ask, and how a refusal looks."""

    auth_resource = "jairika-nb"

    def prepared(self) -> Models:
        """Return the models, having told the watcher that somebody asks for them."""
        self.settings["jairika_nb_watch"].heard()
        self.set_header("Cache-Control", "no-store")
        return self.settings["jairika_nb_models"]

    def refuse(self, error: Exception) -> None:
        """Answer with a status and a message that a person can act on."""
        status, message = refusal(error)
        self.set_status(status)
        if status == 503:
            self.set_header("Retry-After", str(RETRY_SECONDS))
        self.finish(json.dumps({"message": message}))


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
            answer = await self.prepared().tree(self.get_query_argument("path", ""))
        except (JairikaError, ValueError, OSError) as error:
            return self.refuse(error)
        await self.finish(answer)


def refusal(error: Exception) -> tuple[int, str]:
    """Return the status and message that stand for an error of the store or the file system.

    >>> refusal(FileNotFoundError("no model at 'a.jrk.h5'"))
    (404, "no model at 'a.jrk.h5'")
    """
    if isinstance(error, Locked):
        return 503, str(error)
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
    endpoints = {"info": InfoHandler, "models": ListHandler, "tree": TreeHandler}
    return [(url_path_join(base_url, PREFIX, name), each) for name, each in endpoints.items()]
