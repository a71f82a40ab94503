from datetime import timedelta

import pytest

from pratique.runtime.lab.notary import NotaryFault
from pratique.runtime.signatures.notary.attributes import (
    AUTHENTIC_TIME,
    EXPIRY,
    PLUGIN,
    SCHEME,
    SIGNING_TIME,
    Header,
    signed_attributes,
)
from pratique.runtime.signatures.notary.model import Check, EnvelopeFormat, SigningScheme
from tests.support_notary import AT, FORMS, TARGET, refusal, signer, verify

X509, AUTHORITY = str(SigningScheme.X509), str(SigningScheme.SIGNING_AUTHORITY)
LATER = AT + timedelta(days=1)


def test_signer_by_own_clock() -> None:
    header = Header(scheme=X509, times={SIGNING_TIME: AT}, critical=[SCHEME], present=[SCHEME, SIGNING_TIME])
    found = signed_attributes(header)
    assert (found.scheme, found.signing_time, found.expiry, found.plugin) == (
        SigningScheme.X509,
        AT,
        None,
        "",
    )


def test_signing_authority_with_expiry() -> None:
    names = [SCHEME, AUTHENTIC_TIME, EXPIRY]
    header = Header(
        scheme=AUTHORITY, times={AUTHENTIC_TIME: AT, EXPIRY: LATER}, critical=names, present=names
    )
    found = signed_attributes(header)
    assert (found.signing_time, found.expiry) == (AT, LATER)


@pytest.mark.parametrize("missing", [SCHEME, AUTHENTIC_TIME, EXPIRY])
def test_what_must_be_critical(missing: str) -> None:
    names = [SCHEME, AUTHENTIC_TIME, EXPIRY]
    header = Header(
        scheme=AUTHORITY,
        times={AUTHENTIC_TIME: AT, EXPIRY: LATER},
        critical=[name for name in names if name != missing],
        present=names,
    )
    text = refusal(Check.HEADERS, lambda: signed_attributes(header))
    assert text == f"these required headers are not marked as critical: [{missing}]"


@pytest.mark.parametrize(
    ("scheme", "times"),
    [
        (X509, {}),
        (X509, {AUTHENTIC_TIME: AT}),
        (X509, {SIGNING_TIME: AT, AUTHENTIC_TIME: AT}),
        (AUTHORITY, {SIGNING_TIME: AT}),
        (AUTHORITY, {SIGNING_TIME: AT, AUTHENTIC_TIME: AT}),
        (X509, {SIGNING_TIME: AT, EXPIRY: AT}),
        (X509, {SIGNING_TIME: AT, EXPIRY: AT - timedelta(seconds=1)}),
        ("", {SIGNING_TIME: AT}),
        ("notary.x509\n", {SIGNING_TIME: AT}),
    ],
)
def test_times_that_contradict_the_scheme(scheme: str, times: dict[str, object]) -> None:
    names = [SCHEME, *times]
    header = Header(scheme=scheme, times=times, critical=names, present=names)  # type: ignore[arg-type]
    refusal(Check.HEADERS, lambda: signed_attributes(header))


@pytest.mark.parametrize("form", FORMS)
def test_unknown_critical_attribute(form: EnvelopeFormat) -> None:
    """DEVIATION: notation accepts it; the specification says that it must fail."""
    envelope = signer().sign(TARGET, form=form, faults={NotaryFault.UNKNOWN_CRITICAL})
    text = refusal(Check.HEADERS, lambda: verify(envelope, form))
    assert text == 'critical attribute "example.lab.unknown" is not understood'


@pytest.mark.parametrize("form", FORMS)
def test_plugins_are_refused(form: EnvelopeFormat) -> None:
    """A signer who demands further checks is not content with fewer."""
    envelope = signer().sign(TARGET, form=form, faults={NotaryFault.PLUGIN})
    text = refusal(Check.PLUGIN, lambda: verify(envelope, form))
    assert text == "plugin unsupported due to nil verifier.pluginManager"


@pytest.mark.parametrize("plugin", [None, 1, "", "  ", ["x"]])
def test_malformed_plugin(plugin: object) -> None:
    names = [SCHEME, PLUGIN]
    header = Header(
        scheme=X509, times={SIGNING_TIME: AT}, critical=names, present=[*names, SIGNING_TIME], plugin=plugin
    )
    refusal(Check.HEADERS, lambda: signed_attributes(header))


def test_numbers_and_texts_are_different_names() -> None:
    header = Header(
        scheme=X509, times={SIGNING_TIME: AT}, critical=[SCHEME, "1"], present=[SCHEME, SIGNING_TIME, 1],
        registered=[1],
    )  # fmt: skip
    assert "not present" in refusal(Check.HEADERS, lambda: signed_attributes(header))
