"""How much is read about one image before it is refused (rules C5, C6, R9).

The runtime keeps these bounds, and the cost model counts with them.
"""

from __future__ import annotations

from typing import Final

MAX_SIGNATURES: Final = 1000
"""Layers of a signature manifest that are looked at; more are refused (C5), as cosign does."""
MAX_BUNDLES: Final = 1000
"""Bundles that refer to one digest; more are refused."""
MAX_NOTARY_SIGNATURES: Final = 10
"""Notary signatures of one artifact that are tried; Kyverno 1.19 asks notation for as many."""
MAX_TOTAL_BYTES: Final = 128 << 20
"""Bytes of all that is read about one digest in one listing (C6)."""
