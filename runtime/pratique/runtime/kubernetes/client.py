"""Requests to the API server: get, list, watch, create, replace, patch, apply, delete.

References: Kubernetes API concepts (lists in chunks, watches with bookmarks, server-side apply).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import aiohttp
from yarl import URL

from pratique.grammar.errors import TransportError
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import ResourceType

MAX_ANSWER: Final = 64 << 20
"""Bytes of one answer; a page of 500 large objects stays below."""
MAX_EVENT: Final = 8 << 20
"""Bytes of one line of a watch: an object is at most 1.5 MiB in etcd, and JSON may escape."""
PAGE: Final = 500
SECONDS: Final = 30.0
WATCH_SECONDS: Final = 290
"""After so long the API server ends a watch, and it is taken up again."""
FIELD_MANAGER: Final = "pratique"

Object = dict[str, Any]


class ClusterError(TransportError):
    """The API server could not be asked or refused; `status` is that of HTTP, 0 where there was no answer."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(code, message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Objects as they were at one moment; a watch from `version` tells what happens after."""

    items: tuple[Object, ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some objects of a list.

    Attributes:
        version: of the whole list.
        token: with which the next page is asked for; empty behind the last one.
        remaining: objects behind this page, as far as the server tells.
    """

    items: tuple[Object, ...]
    version: str
    token: str = ""
    remaining: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """One change; of a BOOKMARK only the version of the object counts."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Object


class Cluster:
    """A connection to one API server; to be closed with `aclose`, or used with `async with`."""

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings
        self._tls = settings.tls()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Cluster:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(
        self, type: ResourceType, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        """Return an object.

        Raises:
            ClusterError: it is not there (status 404), or the server could not be asked.
        """
        return await self._json("GET", type.path(namespace, name, subresource))

    async def list(
        self, type: ResourceType, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> Listing:
        """Return all objects of a type, in one namespace or everywhere, asked for page by page.

        Raises:
            ClusterError: the server could not be asked.
        """
        items: list[Object] = []
        token = ""
        while True:
            page = await self.page(type, namespace, token=token, labels=labels, fields=fields)
            items += page.items
            token = page.token
            if not token:
                return Listing(items=tuple(items), version=page.version)

    async def page(
        self, type: ResourceType, namespace: str = "", *, token: str = "", labels: str = "", fields: str = ""
    ) -> Page:
        """Return at most `PAGE` objects of a type: the first ones, or those behind the page of a token.

        Raises:
            ClusterError: the server could not be asked; with status 410, the token is too old.
        """
        parameters = {"limit": str(PAGE), **_selectors(labels, fields)}
        if token:
            parameters["continue"] = token
        page = await self._json("GET", type.path(namespace), parameters)
        # Items of a list carry neither; everything else here asks an object for its kind.
        known = {"apiVersion": type.api_version, "kind": type.kind}
        metadata = page.get("metadata") or {}
        return Page(
            items=tuple({**known, **item} for item in page.get("items") or ()),
            version=str(metadata.get("resourceVersion", "")),
            token=str(metadata.get("continue") or ""),
            remaining=int(metadata.get("remainingItemCount") or 0),
        )

    async def watch(
        self, type: ResourceType, version: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield the changes after `version` until the server ends the watch, as it does every few minutes.

        Raises:
            ClusterError: with status 410 where the server no longer knows `version`: list anew.
        """
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
            **_selectors(labels, fields),
        }
        path = type.path(namespace)
        timeout = aiohttp.ClientTimeout(total=WATCH_SECONDS + SECONDS, sock_connect=SECONDS)
        try:
            async with self._request("GET", path, parameters, timeout=timeout) as response:
                if response.status != 200:
                    raise await _refusal(response, "GET", path)
                async for line in _lines(response.content):
                    yield _event(line, path)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable("watch", path, error) from error

    async def create(
        self, type: ResourceType, body: Object, namespace: str = "", *, dry_run: bool = False
    ) -> Object:
        """Return an object as the server made it, or with `dry_run` would make it.

        Raises:
            ClusterError: it exists (409), is refused, or the server could not be asked.
        """
        parameters = {"dryRun": "All"} if dry_run else {}
        return await self._json("POST", type.path(namespace), parameters, body=body)

    async def replace(
        self, type: ResourceType, name: str, body: Object, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        """Return an object as it was written over another.

        Raises:
            ClusterError: somebody else wrote it since (409), it is refused, or the server could not be asked.
        """
        return await self._json("PUT", type.path(namespace, name, subresource), body=body)

    async def merge(
        self, type: ResourceType, name: str, body: Object, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        """Return an object after a JSON merge patch (RFC 7386).

        Raises:
            ClusterError: it is refused, or the server could not be asked.
        """
        path = type.path(namespace, name, subresource)
        return await self._json("PATCH", path, body=body, content_type="application/merge-patch+json")

    async def apply(
        self,
        type: ResourceType,
        name: str,
        body: Object,
        namespace: str = "",
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Return an object after server-side apply: made, or the fields of `body` taken over.

        With `dry_run` it is as it would be, and nothing has changed.

        Raises:
            ClusterError: it is refused, or the server could not be asked.
        """
        parameters = {"fieldManager": FIELD_MANAGER, "force": "true"}
        if dry_run:
            parameters["dryRun"] = "All"
        path = type.path(namespace, name, subresource)
        # JSON is YAML, and the server takes no other content type for it.
        return await self._json(
            "PATCH", path, parameters, body=body, content_type="application/apply-patch+yaml"
        )

    async def delete(self, type: ResourceType, name: str, namespace: str = "") -> None:
        """Delete an object; one that is not there is deleted already.

        Raises:
            ClusterError: it is refused, or the server could not be asked.
        """
        try:
            await self._json("DELETE", type.path(namespace, name))
        except ClusterError as error:
            if error.status != 404:
                raise

    async def document(self, path: str, *, accept: str = "", limit: int = MAX_ANSWER) -> Object:
        """Return what the server answers under a path of its own, such as `/apis`.

        Args:
            path: begins with a slash, and is sent as it is; one of strangers was checked (`outbound`).
            accept: media types that are wanted; JSON where it is empty.
            limit: bytes of the answer.

        Raises:
            ClusterError: the server could not be asked.
        """
        return await self._json("GET", path, accept=accept, limit=limit)

    async def post(self, path: str, data: str, *, limit: int = MAX_ANSWER) -> Object:
        """Return what the server answers to a POST of JSON; arguments of `document`.

        Raises:
            ClusterError: it is refused, or the server could not be asked.
        """
        return await self._json("POST", path, body=data.encode(), limit=limit)

    async def version(self) -> str:
        """Return the version of the server, such as `v1.34.4`.

        Raises:
            ClusterError: the server could not be asked.
        """
        return str((await self._json("GET", "/version")).get("gitVersion", ""))

    async def _json(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        body: Object | bytes | None = None,
        content_type: str = "application/json",
        accept: str = "",
        limit: int = MAX_ANSWER,
    ) -> Object:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        try:
            async with self._request(
                method,
                path,
                parameters or {},
                timeout=timeout,
                body=sent,
                content_type=content_type,
                accept=accept,
            ) as response:
                if response.status >= 300:
                    raise await _refusal(response, method, path)
                content = await _limited(response, limit, method, path)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(method, path, error) from error
        return _parsed(content, method, path)

    def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        *,
        timeout: aiohttp.ClientTimeout,
        body: bytes | None = None,
        content_type: str = "",
        accept: str = "",
    ) -> Any:
        if self._session is None:
            # trust_env off: proxies of the environment are for the world outside.
            self._session = aiohttp.ClientSession(trust_env=False, auto_decompress=True)
        headers = {"Accept": accept or "application/json", "User-Agent": "pratique"}
        if body is not None:
            headers["Content-Type"] = content_type
        if token := self.settings.bearer():
            headers["Authorization"] = f"Bearer {token}"
        return self._session.request(
            method,
            URL(self.settings.server + path, encoded=True),
            params=dict(parameters),
            data=body,
            headers=headers,
            ssl=self._tls if self._tls is not None else True,
            server_hostname=self.settings.server_name or None,
            allow_redirects=False,
            timeout=timeout,
        )


def _selectors(labels: str, fields: str) -> dict[str, str]:
    found = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in found.items() if value}


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of a stream, each of bounded length, however it is cut into pieces."""
    rest = b""
    async for piece in stream.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
        if len(rest) > MAX_EVENT:
            raise ClusterError("cluster-response", "watch: an event is too large")


def _event(line: bytes, path: str) -> WatchEvent:
    event = _parsed(line, "watch", path)
    match event:
        case {"type": "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" as kind, "object": dict(found)}:
            return WatchEvent(type=kind, object=found)
        case {"type": "ERROR", "object": {"code": int(status)}}:
            raise ClusterError(_code(status), f"watch {path}: ended with status {status}", status)
        case _:
            raise ClusterError("cluster-response", f"watch {path}: an event cannot be read")


async def _limited(response: aiohttp.ClientResponse, limit: int, method: str, path: str) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > limit:
            raise ClusterError("cluster-response", f"{method} {path}: the answer is too large")
    return bytes(content)


def _parsed(content: bytes, method: str, path: str) -> Object:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ClusterError("cluster-response", f"{method} {path}: the answer is not JSON") from error
    if not isinstance(found, dict):
        raise ClusterError("cluster-response", f"{method} {path}: the answer is no object")
    return found


async def _refusal(response: aiohttp.ClientResponse, method: str, path: str) -> ClusterError:
    """Return the error of a status, with the first words of the API server about it."""
    content = await _limited(response, 1 << 20, method, path)
    try:
        said = str(json.loads(content).get("message", ""))
    except (ValueError, AttributeError, RecursionError):
        said = ""
    words = "".join(c for c in said if c.isprintable())[:500]
    text = f"{method} {path}: {response.status}" + (f": {words}" if words else "")
    return ClusterError(_code(response.status), text, response.status)


def _code(status: int) -> str:
    match status:
        case 401 | 403:
            return "cluster-auth"
        case 404:
            return "cluster-not-found"
        case 409:
            return "cluster-conflict"
        case 410:
            return "cluster-gone"
        case 429:
            return "cluster-throttled"
        case _ if status >= 500:
            return "cluster-unavailable"
        case _:
            return "cluster-refused"


def _unreachable(method: str, path: str, error: BaseException) -> ClusterError:
    if isinstance(error, TimeoutError):
        return ClusterError("cluster-timeout", f"{method} {path}: no answer in time")
    return ClusterError("cluster-unreachable", f"{method} {path}: {type(error).__name__}")
