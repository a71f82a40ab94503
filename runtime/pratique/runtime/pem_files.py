"""Certificates in memory to `ssl`, which takes them from files only."""

from __future__ import annotations

import os
import ssl
import tempfile


def load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Use a certificate chain and its key (PEM) for handshakes from now on; connections go on as they are.

    Where the system has files in memory nothing is written anywhere (F34); elsewhere the file is gone before
    anybody else runs.

    Raises:
        OSError: the two cannot be read or do not fit together, or there is no place for them.
    """
    content = certificate + b"\n" + key
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("pratique", os.MFD_CLOEXEC)
        try:
            os.write(number, content)
            context.load_cert_chain(f"/proc/self/fd/{number}")
        finally:
            os.close(number)
        return
    with tempfile.NamedTemporaryFile(prefix="pratique-") as file:
        file.write(content)
        file.flush()
        context.load_cert_chain(file.name)
