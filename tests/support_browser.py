"""A real browser without a screen: Chromium, its document after the scripts have run, and what it painted."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

BROWSER = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name)) is not None
    ),
    None,
)
NO_BROWSER = "needs Chromium on PATH: apt-get install chromium"
MILLISECONDS = 4_000
"""Virtual time that a page gets before it is looked at."""


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page: its elements after the scripts, and what it complained about."""

    elements: tuple[Element, ...]
    complaints: tuple[str, ...]

    def by_class(self, name: str) -> list[Element]:
        return [element for element in self.elements if name in element.classes]

    def by_id(self, name: str) -> Element:
        (found,) = (element for element in self.elements if element.attributes.get("id") == name)
        return found


@dataclass
class Element:
    """An element with its attributes and all text within."""

    tag: str
    attributes: dict[str, str]
    text: str = ""

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def is_hidden(self) -> bool:
        return "hidden" in self.attributes or "hidden" in self.classes

    def pixels(self, name: str) -> float:
        """Return a length of the element's own style."""
        pairs = (part.split(":", 1) for part in self.attributes.get("style", "").split(";") if ":" in part)
        found = {key.strip(): value.strip() for key, value in pairs}
        return float(found[name].removesuffix("px"))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in ("meta", "input", "br", "link", "img"):
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data


def parsed(text: str) -> tuple[Element, ...]:
    """Return the elements of a page as it is written."""
    reader = _Reader()
    reader.feed(text)
    return tuple(reader.elements)


def opened(
    page: Path, fragment: str = "", *, dark: bool = False, size: tuple[int, int] = (1600, 1000)
) -> Seen:
    """Open a file and return what there is once its scripts have run."""
    done = _run(page, fragment, ["--dump-dom"], dark=dark, size=size)
    lines = done.stderr.splitlines()
    return Seen(parsed(done.stdout), tuple(line for line in lines if "CONSOLE" in line))


def painted(page: Path, *, dark: bool, size: tuple[int, int]) -> list[bytes]:
    """Open a file and return the rows of pixels that the browser paints, three bytes each."""
    picture = page.with_suffix(".png")
    _run(page, "", [f"--screenshot={picture}"], dark=dark, size=size)
    return _rows(picture.read_bytes())


def _run(
    page: Path, fragment: str, what: list[str], *, dark: bool, size: tuple[int, int]
) -> subprocess.CompletedProcess[str]:
    assert BROWSER
    profile = page.parent / "profile"
    command = [
        BROWSER,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--enable-logging=stderr",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
        f"--window-size={size[0]},{size[1]}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        f"--virtual-time-budget={MILLISECONDS}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        *what,
        f"file://{page}{fragment}",
    ]
    environment = {**os.environ, "HOME": str(page.parent)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=True, env=environment, errors="replace"
    )


def _rows(body: bytes) -> list[bytes]:
    """Return the rows of an 8-bit PNG without interlacing, as RGB.

    References: Portable Network Graphics (PNG) Specification, chunks and filters.
    """
    place, data, width, step = 8, b"", 0, 3
    while place < len(body):
        (length,), kind = struct.unpack(">I", body[place : place + 4]), body[place + 4 : place + 8]
        chunk = body[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, depth, color = struct.unpack(">I4xBB", chunk[:10])
            assert depth == 8
            step = {2: 3, 6: 4}[color]
        elif kind == b"IDAT":
            data += chunk
        place += length + 12
    raw, size, rows = zlib.decompress(data), width * step + 1, []
    before = bytearray(size - 1)
    for start in range(0, len(raw), size):
        row = _unfiltered(raw[start], bytearray(raw[start + 1 : start + size]), before, step)
        rows.append(bytes(b for n, b in enumerate(row) if n % step < 3))
        before = row
    return rows


def _unfiltered(kind: int, row: bytearray, above: bytearray, step: int) -> bytearray:
    for place in range(len(row)):
        left = row[place - step] if place >= step else 0
        corner = above[place - step] if place >= step else 0
        up = above[place]
        match kind:
            case 1:
                guess = left
            case 2:
                guess = up
            case 3:
                guess = (left + up) // 2
            case 4:
                far = left + up - corner
                guess = min((left, up, corner), key=lambda value: abs(far - value))
            case _:
                guess = 0
        row[place] = (row[place] + guess) & 255
    return row
