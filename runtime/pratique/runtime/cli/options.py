"""Options that several commands share, and the types of arguments."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pratique.runtime.registry.open import StoreOptions


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Declare where images and signatures are read from, and what is trusted."""
    group = parser.add_argument_group("images and trust")
    group.add_argument(
        "--registry-layout",
        metavar="DIR",
        type=folder,
        help="read all images from an OCI image layout instead of registries",
    )
    group.add_argument(
        "--mirror",
        metavar="HOST=URL",
        action="append",
        type=mirror,
        default=[],
        help="ask URL first for images of registry HOST; may be given several times",
    )
    group.add_argument(
        "--insecure-registry",
        action="store_true",
        help="allow registries without TLS, or with certificates that do not verify",
    )
    group.add_argument(
        "--trusted-root",
        metavar="FILE",
        type=file,
        help="Sigstore trusted_root.json to use instead of the public one",
    )
    group.add_argument(
        "--offline",
        action="store_true",
        help="open no connection: images from --registry-layout, trust from --trusted-root or the cache",
    )


def store_options(args: argparse.Namespace) -> StoreOptions:
    """Return where a session reads images from."""
    from pratique.runtime.registry.open import StoreOptions

    return StoreOptions(
        layout=args.registry_layout,
        mirrors=tuple(args.mirror),
        insecure=args.insecure_registry,
        offline=args.offline,
    )


def mirror(text: str) -> tuple[str, str]:
    """Return the host and the URL of `HOST=URL`."""
    host, equals, url = text.partition("=")
    if not host or not equals or not url.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST=URL with an http(s) URL")
    return host, url


def file(text: str) -> Path:
    """Return the path of an existing file."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file")
    return path


def folder(text: str) -> Path:
    """Return the path of an existing folder."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return path


class CommaList(argparse.Action):
    """Collects values over repeated options; one value may hold several, separated by commas.

    References: `StringSlice` of the pflag library, which Kyverno uses: comma-separated values with quotes.
    """

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        """Add the values."""
        given = [*getattr(namespace, self.dest), *(v for row in csv.reader([values]) for v in row if v)]
        setattr(namespace, self.dest, given)
