"""The endpoints for other programs: what ``jrk+http://`` addresses are read through.

=================  ======================================================================
``GET catalogue``  the lists of the model at ``path``, with a mark for ``If-None-Match``
``POST records``   ``{"path", "records": [[id, kind], ...]}``: manifests, notes, architectures,
                   and which arrays are encrypted, in how many bytes
``POST objects``   ``{"path", "iteration", "objects": [hash, ...]}``: bytes of arrays
``GET rules``      the access rules, for whom they let
``POST missing``   ``{"path", "objects", "records", "sealed": {hash: that of the encrypted
                   bytes}}``: what of it was not sent yet
``POST staged``    pieces of it, as ``store.staging`` frames them
``POST commit``    ``{"path"}`` and one of ``batch``, ``keyrings``, ``tags``, ``signatures``,
                   ``rules``
=================  ======================================================================

The last three change files, so the authoriser must let the user write. A commit is made by a
process of its own, one after the other, and waits a bounded time for another writer.

What is encrypted stays so: keyrings come with the lists, and the server has no key and needs none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from jupyter_server.auth.decorator import authorized
from tornado import web

from jairika_nb.errors import JairikaError
from jairika_nb.server import reading, writing
from jairika_nb.server.handlers import ModelsHandler
from jairika_nb.server.people import principal
from jairika_nb.store import announced

Answer = TypeVar("Answer")
BODY = 4 << 20
"""Bytes of the longest request in JSON."""
PIECE = 1 << 20
"""Bytes handed to the network at a time."""
BYTES = "application/octet-stream"


class ModelHandler(ModelsHandler):
    """What these endpoints share: the work in a thread, as the one who asks."""

    longest = BODY

    async def done(self, work: Callable[..., Answer], path: Any, *asked: Any) -> Answer | None:
        """Return what ``work`` gives for the model at ``path``, or refuse and return None."""
        root = self.prepared().local_root
        try:
            if not isinstance(path, str):
                raise ValueError("path must be text")
            return await asyncio.to_thread(work, root(), path, principal(self), *asked)
        except (JairikaError, ValueError, OSError) as error:
            self.refuse(error)
            return None

    def asked(self) -> dict[str, Any]:
        """Return the JSON of the request, an object."""
        if len(self.request.body) > self.longest:
            raise web.HTTPError(413, f"a request in JSON has at most {self.longest} bytes")
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise web.HTTPError(400, "the request must be a JSON object")
        return body


class CatalogueHandler(ModelHandler):
    """The lists of a model."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer the lists and the keyrings, or 304 for the mark that was given."""
        found = await self.done(reading.catalogue, self.get_query_argument("path", ""))
        if found is None:
            return
        data, mark = found
        mark = f'"{mark}"'
        self.set_header("ETag", mark)
        if self.request.headers.get("If-None-Match") == mark:
            self.set_status(304)
            await self.finish()
        else:
            await self.finish(data)


class RulesHandler(ModelHandler):
    """The access rules of a model."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{"policy", "digest"}``."""
        found = await self.done(reading.rules, self.get_query_argument("path", ""))
        if found is not None:
            await self.finish(found)


class RecordsHandler(ModelHandler):
    """Manifests, notes and architectures."""

    @web.authenticated
    @authorized("read")
    async def post(self) -> None:
        """Answer each record after its length, as four bytes, little-endian."""
        body = self.asked()
        found = await self.done(reading.records, body.get("path"), body.get("records"))
        if found is not None:
            await self.finish(found, set_content_type=BYTES)


class ObjectsHandler(ModelHandler):
    """Arrays."""

    @web.authenticated
    @authorized("read")
    async def post(self) -> None:
        """Answer the bytes of the arrays, one after the other."""
        body = self.asked()
        wanted = body.get("iteration"), body.get("objects")
        found = await self.done(reading.objects, body.get("path"), *wanted)
        if found is None:
            return
        self.set_header("Content-Type", BYTES)
        self.set_header("Content-Length", str(sum(map(len, found))))
        for each in found:
            for start in range(0, len(each), PIECE):
                self.write(bytes(each[start : start + PIECE]))
                await self.flush()
        await self.finish(set_content_type=BYTES)


class MissingHandler(ModelHandler):
    """What a push has to send."""

    @web.authenticated
    @authorized("write")
    async def post(self) -> None:
        """Answer ``{"missing": {hash: bytes that are here}}``."""
        body = self.asked()
        wanted = body.get("objects"), body.get("records"), body.get("sealed", {})
        found = await self.done(writing.missing, body.get("path"), *wanted)
        if found is not None:
            await self.finish(json.dumps({"missing": found}))


@web.stream_request_body
class StagedHandler(ModelHandler):
    """Pieces of a push."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse a long body before it is sent, and one from nobody."""
        self.body = bytearray()
        self.request.connection.set_max_body_size(writing.LONGEST)  # type: ignore[union-attr]
        await super().prepare()
        if not self.current_user:
            raise web.HTTPError(403)

    def data_received(self, chunk: bytes) -> None:
        """Keep what has come; Tornado counts it."""
        self.body += chunk

    @web.authenticated
    @authorized("write")
    async def post(self) -> None:
        """Answer how many pieces were kept."""
        path = self.get_query_argument("path", "")
        found = await self.done(writing.stage, path, memoryview(self.body))
        if found is not None:
            await self.finish(json.dumps({"pieces": found}))


class CommitHandler(ModelHandler):
    """The end of a push: what was sent becomes part of the model, or nothing does."""

    longest = writing.LONGEST

    @web.authenticated
    @authorized("write")
    async def post(self) -> None:
        """Answer what was done, once it is on the medium."""
        body = self.asked()
        verb = next((each for each in announced.KINDS if each in body), None)
        if verb is None:
            raise web.HTTPError(400, f"a commit is one of {', '.join(announced.KINDS)}")
        place = await self.done(writing.place_of, body.get("path"))
        if place is None:
            return
        try:
            done = await writing.committed(place, principal(self), verb, body[verb])
        except (JairikaError, OSError) as error:
            return self.refuse(error)
        await self.finish(json.dumps(done))


ENDPOINTS: dict[str, Any] = {
    "catalogue": CatalogueHandler,
    "rules": RulesHandler,
    "records": RecordsHandler,
    "objects": ObjectsHandler,
    "missing": MissingHandler,
    "staged": StagedHandler,
    "commit": CommitHandler,
}
