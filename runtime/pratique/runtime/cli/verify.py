"""`pratique verify`: who signed an image (or, with a bundle, anything), and is it who it should be."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.options import (
    CommaList,
    add_platform_option,
    add_store_options,
    file,
    key,
    store_options,
    trust_options,
)
from pratique.runtime.cli.terminal import use_color

if TYPE_CHECKING:
    from pratique.runtime.outputs.verification import VerificationFacts

NAME: Final = "verify"
HELP: Final = "check who signed an image, and print who, what and when"
INTERMIXED: Final = True

_EXAMPLES: Final = """\
examples:
  pratique verify registry.k8s.io/etcd:3.5.7-0 \\
      --identity krel-trust@k8s-releng-prod.iam.gserviceaccount.com --issuer https://accounts.google.com
  pratique verify ghcr.io/org/app@sha256:... --key cosign.pub -o json
  pratique verify ghcr.io/org/app:v1 --key awskms:///alias/release
  pratique verify --bundle app.sigstore.json --identity who@example.com \\
      --issuer https://accounts.google.com app.tar.gz
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = (
        "pratique verify IMAGE --identity TEXT --issuer URL [options]\n"
        "       pratique verify IMAGE --key FILE|REFERENCE [options]\n"
        "       pratique verify IMAGE --notary-certificate FILE [options]\n"
        "       pratique verify --bundle BUNDLE ... FILE|sha256:DIGEST [options]"
    )
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "image",
        metavar="IMAGE",
        help="image by tag or digest; with --bundle, a file or its sha256, sha384 or sha512 digest",
    )
    parser.add_argument(
        "--bundle",
        metavar="FILE",
        type=file,
        help="Sigstore bundle to verify; no registry is asked",
    )
    signer = parser.add_argument_group("who must have signed (cosign's spellings work too)")
    for names, metavar, text in (
        (("--identity", "--certificate-identity"), "TEXT", "subject of the certificate, exactly"),
        (("--identity-regexp", "--certificate-identity-regexp"), "RE", "RE2 expression found in the subject"),
        (("--issuer", "--certificate-oidc-issuer"), "URL", "who vouches for the subject, exactly"),
        (("--issuer-regexp", "--certificate-oidc-issuer-regexp"), "RE", "RE2 expression found in the issuer"),
    ):
        signer.add_argument(*names, metavar=metavar, default="", help=text)
    signer.add_argument(
        "--key",
        metavar="KEY",
        type=key,
        help="public key: a file in PEM, k8s://NAMESPACE/NAME of a Secret, or a KMS URI",
    )
    signer.add_argument(
        "--secrets", metavar="FILE", action=CommaList, default=[], help="Secrets that --key may name"
    )
    signer.add_argument(
        "--notary-certificate",
        metavar="FILE",
        type=file,
        help="PEM of certificates: a Notary Project signature must be by one of them or chain to one",
    )
    demands = parser.add_argument_group("what a signature may lack")
    demands.add_argument(
        "--ignore-tlog",
        "--insecure-ignore-tlog",
        action="store_true",
        help="do not ask for an entry in the transparency log",
    )
    demands.add_argument(
        "--ignore-sct",
        "--insecure-ignore-sct",
        action="store_true",
        help="do not ask for a timestamp of the certificate transparency log",
    )
    add_platform_option(parser)
    add_store_options(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        dest="format",
        metavar="FORMAT",
        choices=("text", "json"),
        default="text",
        help="text or json (default text)",
    )
    output.add_argument("--detailed", action="store_true", help="in text: show why, as a tree")


def run(args: argparse.Namespace) -> int:
    """Verify, print what was found, and return 0 where the right one signed, 1 where not."""
    from pratique.grammar.errors import ExitCode
    from pratique.runtime.outputs.verification import render_json, render_text

    _check(args)
    facts = evaluate(args)
    if args.format == "json":
        text = render_json(facts)
    else:
        text = render_text(facts, color=use_color(args.color, sys.stdout), detailed=args.detailed)
    sys.stdout.write(text)
    return ExitCode.CLEAN if facts.met else ExitCode.FINDINGS


def evaluate(args: argparse.Namespace) -> VerificationFacts:
    """Return what a session finds with these arguments."""
    return _evaluate_bundle(args, args.bundle) if args.bundle else _evaluate_image(args)


def _evaluate_bundle(args: argparse.Namespace, bundle: Path) -> VerificationFacts:
    from pratique.runtime.bundle_verification import BundleOptions, verify_file

    options = BundleOptions(
        bundle=bundle,
        artifact=args.image,
        identity=args.identity,
        identity_regexp=args.identity_regexp,
        issuer=args.issuer,
        issuer_regexp=args.issuer_regexp,
        key=args.key,
        secrets=tuple(args.secrets),
        ignore_tlog=args.ignore_tlog,
        ignore_sct=args.ignore_sct,
        trust=trust_options(args),
    )
    return verify_file(options)


def _evaluate_image(args: argparse.Namespace) -> VerificationFacts:
    from pratique.runtime.verification import VerifyOptions, verify

    options = VerifyOptions(
        image=args.image,
        coverage=args.platform,
        identity=args.identity,
        identity_regexp=args.identity_regexp,
        issuer=args.issuer,
        issuer_regexp=args.issuer_regexp,
        key=args.key,
        secrets=tuple(args.secrets),
        notary_certificate=args.notary_certificate,
        ignore_tlog=args.ignore_tlog,
        ignore_sct=args.ignore_sct,
        store=store_options(args),
        trust=trust_options(args),
    )
    return verify(options)


def _check(args: argparse.Namespace) -> None:
    """Refuse a demand that names nobody, or more than one: an open demand would accept any signature."""
    from pratique.grammar.errors import UsageError

    identity = bool(args.identity) + bool(args.identity_regexp)
    issuer = bool(args.issuer) + bool(args.issuer_regexp)
    given = [
        name
        for name, value in (("--key", args.key), ("--notary-certificate", args.notary_certificate))
        if value
    ]
    if args.secrets and not args.key:
        raise UsageError("--secrets is for --key")
    if given:
        if identity or issuer:
            raise UsageError(f"{given[0]} and an identity exclude each other")
        if len(given) > 1:
            raise UsageError("--key and --notary-certificate exclude each other")
        if args.notary_certificate and args.bundle:
            raise UsageError("--notary-certificate is for images: a Sigstore bundle is no Notary signature")
    elif identity != 1 or issuer != 1:
        raise UsageError(
            "give --key, --notary-certificate, or one of --identity and --identity-regexp with one of"
            " --issuer and --issuer-regexp"
        )
