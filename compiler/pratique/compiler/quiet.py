"""What becomes of the warnings of `cryptography` over odd certificates and keys: nothing is printed.

The library warns where it reads on: of serial numbers that are not positive, of country and common names of
an unusual length, and of algorithms that it will drop. Warnings go to standard error, or are exceptions, as
the process is set up; a verdict must depend on neither. So they are silenced where strangers' data is read,
and the reader says itself what it refuses. Lengths of names are accepted, as in Go and so in cosign; serial
numbers that are not positive are refused, as Go refuses negative ones (RFC 5280, section 4.1.2.2).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_LOCK = RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings within the block.

    INVARIANT: one thread at a time, since filters belong to the process: blocks that overlap would put each
    other's filters back.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
