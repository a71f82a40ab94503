"""The language server as an editor waits for it: from a key to the diagnostics, from a mouse to its answer.

A change is analysed once the text has not changed for `session.SETTLE_S`, which is part of the figure.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from tests.support_language_server import Editor, with_editor
from tests.support_lint import patterns, policy_text

ENTRY = """\
- imageReferences:
  - "ghcr.io/acme{n}/app:*"
  - "registry{n}.k8s.io/"
  - "ghcr.io/acme{n}/web*"
  attestors:
  - entries:
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subjectRegExp: "https://github.com/acme{n}/.*"
        rekor:
          url: https://rekor.sigstore.dev
"""
ROUNDS = 20


def run() -> Iterator[tuple[str, str]]:
    text = policy_text("verifyImages:\n" + "".join(ENTRY.replace("{n}", str(n)) for n in range(26)))
    lines = len(text.splitlines())
    yield from ((f"{lines} lines, {label}", figure) for label, figure in _measured(text, []))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for number in range(300):
            policy = policy_text(patterns(f"quay.io/team{number}/*", f"ghcr.io/team{number}/app:*"))
            (folder / f"{number}.yaml").write_text(policy.replace("name: example", f"name: p{number}"))
        measured = _measured(text, [folder])
        yield from ((f"{lines} lines beside 300 policies, {label}", figure) for label, figure in measured)


def _measured(text: str, folders: list[Path]) -> list[tuple[str, str]]:
    uri = (folders[0] if folders else Path("/nowhere")).joinpath("here.yaml").as_uri()

    async def talk(editor: Editor) -> list[tuple[str, str]]:
        begun = time.perf_counter()
        found = await editor.check(uri, text)
        opened = time.perf_counter() - begun
        changes, hovers = [], []
        params = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(15, 12))
        for version in range(2, ROUNDS + 2):
            begun = time.perf_counter()
            editor.change(uri, f"{text}# {version}\n", version)
            await editor.diagnostics(uri, version)
            changes.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            await editor.wait(editor.client.text_document_hover_async(params))
            hovers.append(time.perf_counter() - begun)
        return [
            (f"opened: {len(found)} diagnostics", f"{opened:.2f} s"),
            ("changed, median (worst)", f"{statistics.median(changes):.2f} s ({max(changes):.2f} s)"),
            (
                "hover, median (worst)",
                f"{statistics.median(hovers) * 1e3:.0f} ms ({max(hovers) * 1e3:.0f} ms)",
            ),
        ]

    return with_editor(talk, folders)
