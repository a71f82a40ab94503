"""A bare server for comparison: the same HTTP library, reads the review and allows it.

python -m tests.bench.admission_bare CERTIFICATE_AND_KEY
"""

import asyncio
import json
import ssl
import sys

from aiohttp import web


async def allow(request: web.Request) -> web.Response:
    uid = json.loads(await request.read())["request"]["uid"]
    answer = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    body = json.dumps(answer | {"response": {"uid": uid, "allowed": True}}).encode()
    return web.Response(body=body, content_type="application/json")


async def main(both: str) -> None:
    app = web.Application()
    app.router.add_post("/validate", allow)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    print(f"listens on 127.0.0.1:{runner.addresses[0][1]}", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
