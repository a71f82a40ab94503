"""A real browser that is driven: keys are pressed, text is typed, and the page is asked what it shows.

References: Chrome DevTools Protocol (domains Page, Runtime, Input, Log, Network).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support_browser import BROWSER

SECONDS = 60.0
KEYS = {
    "Tab": {"code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    " ": {"code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
}


class Tab:
    """A tab of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        """Errors of scripts, violations of the page's policy, and whatever else the console was told."""
        self.dialogs: list[str] = []
        """What `alert` and its like have said."""
        self.requests: list[str] = []
        """Addresses that were asked for."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[str, asyncio.Event] = {}

    async def read(self) -> None:
        """Take what the browser says, until it ends."""
        async for message in self._socket:
            data = message.json()
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            else:
                self._told(data["method"], data["params"])

    def _told(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(params["args"]))
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Page.javascriptDialogOpening":
                self.dialogs.append(params["message"])
            case _:
                pass
        self._events.setdefault(method, asyncio.Event()).set()

    async def call(self, method: str, **params: Any) -> Any:
        """Return the answer to a command of the protocol."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        data = await asyncio.wait_for(answer, SECONDS)
        assert "error" not in data, data
        return data["result"]

    async def open(self, address: str) -> None:
        """Go to an address, and wait until it is loaded."""
        loaded = self._events["Page.loadEventFired"] = asyncio.Event()
        await self.call("Page.navigate", url=address)
        await asyncio.wait_for(loaded.wait(), SECONDS)

    async def ask(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def press(self, key: str, times: int = 1) -> None:
        """Press and release a key."""
        for _ in range(times):
            await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **KEYS[key])
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=KEYS[key]["code"])

    async def type(self, text: str) -> None:
        """Type a text where the focus is."""
        await self.call("Input.insertText", text=text)


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Tab]:
    """Give a tab of a browser of its own, which keeps its files in `folder`."""
    assert BROWSER
    profile = folder / "devtools-profile"
    command = [
        BROWSER,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--window-size=1400,900",
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "about:blank",
    ]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    ) as browser:
        try:
            port = await _port(profile / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as response:
                    pages = [each for each in await response.json() if each["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    tab = Tab(socket)
                    reading = asyncio.create_task(tab.read())
                    for domain in ("Page", "Runtime", "Log", "Network"):
                        await tab.call(f"{domain}.enable")
                    yield tab
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
        finally:
            browser.terminate()


async def _port(file: Path) -> int:
    """Return the port that the browser listens on, once it has said so."""
    async with asyncio.timeout(SECONDS):
        while not (file.is_file() and file.read_text().count("\n")):
            await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])
