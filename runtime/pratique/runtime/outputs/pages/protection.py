"""What a page allows itself: its own script and style, known by their hashes, and nothing else.

Texts in a page are strangers' texts (names of images, messages, policies). They are escaped; and should one
of them be markup all the same, the browser neither runs it nor fetches anything for it.

References: Content Security Policy Level 3; Trusted Types.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final

_ALWAYS: Final = (
    "default-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)


def content_policy(*, style: str, script: str) -> str:
    """Return the Content-Security-Policy of a page with one `<style>` and one `<script>` of these texts.

    It allows no attribute with style or script, no connection, no frame, no form and no string as markup.
    """
    return "; ".join([*_ALWAYS, f"style-src {_hash(style)}", f"script-src {_hash(script)}"])


def asset(beside: str, name: str) -> str:
    """Return the text of a file that lies beside a module; `beside` is the module's `__file__`."""
    return Path(beside).with_name(name).read_text(encoding="utf-8")


def base_style() -> str:
    """Return the style sheet that all pages begin with: colours for light and dark, tables, trees."""
    return asset(__file__, "base.css")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
