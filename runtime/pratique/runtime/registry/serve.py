"""Serves a store as a read-only OCI registry on loopback: the lab's registry, and the tests'."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Descriptor, Digest, ImageStore, Repository
from pratique.runtime.registry.faults import FaultCode
from pratique.runtime.registry.layout import Stored
from pratique.runtime.registry.media_types import OCI_INDEX

MAX_SERVED_BLOB = 1 << 30

_STATUS = {
    FaultCode.BAD_REFERENCE: (400, "NAME_INVALID"),
    FaultCode.UNSUPPORTED_DIGEST: (400, "DIGEST_INVALID"),
    FaultCode.IMAGE_NOT_FOUND: (404, "MANIFEST_UNKNOWN"),
    FaultCode.BLOB_NOT_FOUND: (404, "BLOB_UNKNOWN"),
}
_ERROR_TEXTS = {
    "NAME_INVALID": "invalid repository name",
    "DIGEST_INVALID": "provided digest did not match uploaded content",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "UNSUPPORTED": "The operation is unsupported.",
}


class ServableStore(ImageStore, Protocol):
    """A store that also lists tags and hands out manifests unjudged, such as `LayoutStore`."""

    def stored(self, repository: Repository, reference: str) -> Stored:
        """Return a manifest as it is kept, whatever its content: to judge it is the client's work."""
        ...

    def tags(self, repository: Repository) -> tuple[str, ...]:
        """Return the tags of a repository, sorted."""
        ...


class LayoutServer:
    """An HTTP registry over a layout. Use as an async context manager; `host` is set inside.

    Answers `/v2/`, manifests by tag and digest, blobs, tags and the referrers API to GET and HEAD; everything
    else is 405 or 404.

    Args:
        store: what is served.
        registry: registry part of the names that are served: `team/app` here is `REGISTRY/team/app` there.
            Empty for all: `reg.example/team/app` here is that very name there, as a mirror with a path needs
            it, and a path without a host in front belongs to this server's own `host`.
        port: on loopback; 0 for any free one.
        with_referrers: answer the referrers API; without it clients have to use the fallback tag.
        on_request: called with method, path and status of every request.

    References: OCI distribution specification 1.1.
    """

    def __init__(
        self,
        store: ServableStore,
        *,
        registry: str = "",
        port: int = 0,
        with_referrers: bool = True,
        on_request: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._port = port
        self._with_referrers = with_referrers
        self._on_request = on_request
        self._runner: web.AppRunner | None = None
        self.host = ""
        """`127.0.0.1:PORT` while the server runs."""

    async def __aenter__(self) -> LayoutServer:
        app = web.Application(middlewares=[self._log])
        app.router.add_route("*", r"/v2/", self._base)
        app.router.add_route("*", r"/v2/{path:.+}/manifests/{reference}", self._manifest)
        app.router.add_route("*", r"/v2/{path:.+}/blobs/{digest}", self._blob)
        app.router.add_route("*", r"/v2/{path:.+}/tags/list", self._tags)
        if self._with_referrers:
            app.router.add_route("*", r"/v2/{path:.+}/referrers/{digest}", self._referrers)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _log(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.method in ("GET", "HEAD"):
                response = await handler(request)
            else:
                response = _error(405, "UNSUPPORTED")
        except TransportError as error:
            response = _error(*_STATUS.get(FaultCode(error.code), (500, "UNSUPPORTED")))
        except web.HTTPNotFound:
            response = _error(404, "UNSUPPORTED")
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        if self._on_request is not None:
            self._on_request(request.method, request.path_qs, response.status)
        return response

    async def _base(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _manifest(self, request: web.Request) -> web.Response:
        manifest = self._store.stored(self._repository(request), request.match_info["reference"])
        media_type = manifest.media_type or "application/octet-stream"
        headers = {"Content-Type": media_type, "Docker-Content-Digest": manifest.digest}
        return web.Response(body=manifest.body, headers=headers)

    async def _blob(self, request: web.Request) -> web.Response:
        digest = Digest(request.match_info["digest"])
        body = await self._store.blob(self._repository(request), digest, max_bytes=MAX_SERVED_BLOB)
        return web.Response(
            body=body, content_type="application/octet-stream", headers={"Docker-Content-Digest": digest}
        )

    async def _referrers(self, request: web.Request) -> web.Response:
        wanted = request.query.get("artifactType", "")
        digest = Digest(request.match_info["digest"])
        try:
            found = await self._store.referrers(self._repository(request), digest, wanted)
        except TransportError as error:
            if error.code not in (FaultCode.BAD_MANIFEST, FaultCode.AMBIGUOUS_MANIFEST):
                raise
            # Rubbish under the fallback tag: without this API clients look there and judge it themselves.
            return _error(404, "UNSUPPORTED")
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_json(d) for d in found]}
        headers = {"Content-Type": OCI_INDEX} | ({"OCI-Filters-Applied": "artifactType"} if wanted else {})
        return web.Response(body=json.dumps(index).encode(), headers=headers)

    async def _tags(self, request: web.Request) -> web.Response:
        repository = self._repository(request)
        return web.json_response({"name": repository.path, "tags": list(self._store.tags(repository))})

    def _repository(self, request: web.Request) -> Repository:
        path = request.match_info["path"]
        first, _, rest = path.partition("/")
        if not self._registry and rest and ("." in first or first == "localhost"):
            return Repository(first, rest)
        return Repository(self._registry or self.host, path)


def _json(descriptor: Descriptor) -> dict[str, object]:
    data: dict[str, object] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.artifact_type:
        data["artifactType"] = descriptor.artifact_type
    if descriptor.annotations:
        data["annotations"] = descriptor.annotations
    return data


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": _ERROR_TEXTS[code]}]}, status=status)
