"""The plan in force, shown on a port of its own that only the Pod itself can reach.

It tells whom policies leave out, which is worth knowing for whoever wants to be left out; the port of the
webhooks can be reached by every Pod of most clusters. On loopback, the right to forward ports
(`kubectl port-forward`) is what it takes, and nothing listens unless asked to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from pratique.compiler.plan import Plan
from pratique.grammar.errors import UsageError
from pratique.runtime.admission.measures import Measures
from pratique.runtime.admission.server import Webhook

LOOPBACK: Final = "127.0.0.1"
_HOSTS: Final = frozenset({LOOPBACK, "localhost"})
"""What a browser that was not led here by somebody's DNS calls this host."""


class PlanPage:
    """Answers `/debug/plan`; a plan is worked out once, beside the requests.

    Args:
        webhook: knows what is in force, and counts what became of it.
    """

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook
        self._lock = asyncio.Lock()
        self._known: tuple[Plan, dict[str, Any]] | None = None

    def application(self) -> web.Application:
        """Return the application with its route."""
        app = web.Application()
        app.router.add_get("/debug/plan", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        from pratique.runtime.outputs.json_text import json_text

        if (request.url.host or "") not in _HOSTS:
            return web.Response(status=403, text="ask for localhost")
        plan = self._webhook.judge.engine.plan
        async with self._lock:
            if self._known is None or self._known[0] is not plan:
                self._known = plan, await asyncio.to_thread(_described, plan)
            data = self._known[1]
        body = json_text(data | {"rules": _with_results(data["rules"], self._webhook.measures)})
        return web.Response(text=body, content_type="application/json")


@asynccontextmanager
async def debugging(webhook: Webhook, port: int) -> AsyncIterator[int]:
    """Show the plan of `webhook` on loopback as long as the context lasts; gives the port.

    Args:
        webhook: what serves.
        port: 0 for any.

    Raises:
        UsageError: nobody can listen there.
    """
    runner = web.AppRunner(PlanPage(webhook).application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, port)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _described(plan: Plan) -> dict[str, Any]:
    """Return what `pratique explain -o json` says of a plan."""
    from pratique.compiler.digest import digest
    from pratique.compiler.explain.explanation import explain
    from pratique.runtime.outputs.json_format import API_VERSION
    from pratique.runtime.outputs.plans import json_form

    explanation = explain(plan, {}, "", None)
    found = {"apiVersion": API_VERSION, "kind": json_form.KIND, "digest": digest(plan.policies, ())}
    return found | json_form.plan(explanation)


def _with_results(rules: list[dict[str, Any]], measures: Measures) -> list[dict[str, Any]]:
    """Return the rules, each with how often it had which result at admission."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for policy, rule, result, number in measures.results():
        counted = found.setdefault((policy, rule), {})
        counted[result] = counted.get(result, 0) + int(number)
    return [rule | {"results": found.get((rule["policy"], rule["rule"]), {})} for rule in rules]
