import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.signatures.notary.limits import MAX_SHOWN
from pratique.runtime.signatures.notary.wording import distinguished_name, quoted, rfc1123


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "Fri, 02 Jan 2026 03:04:05 +0000"),
        (datetime(999, 12, 31, tzinfo=UTC), "Tue, 31 Dec 0999 00:00:00 +0000"),
        (
            datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
            "Fri, 02 Jan 2026 00:00:00 -0530",
        ),
    ],
)
def test_times(moment: datetime, text: str) -> None:
    assert rfc1123(moment) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\x1b[31m\n\x00\x7f", '"\\x1b[31m\\n\\x00\\x7f"'),
        ("\u202eevil\U000e0041", '"\\u202eevil\\U000e0041"'),
        ("\u00fc\u4e2d", '"\u00fc\u4e2d"'),
    ],
)
def test_quotes(text: str, shown: str) -> None:
    assert quoted(text) == shown


@given(st.text(max_size=3000))
def test_quotes_are_printable_and_bounded(text: str) -> None:
    shown = quoted(text)
    assert shown.isprintable()
    assert len(shown) <= 10 * (MAX_SHOWN + 1) + 2


def _name(*attributes: tuple[str, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in attributes])


C, O, OU, L, ST, CN, SERIAL = (  # noqa: E741
    oid.dotted_string
    for oid in (
        NameOID.COUNTRY_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATIONAL_UNIT_NAME,
        NameOID.LOCALITY_NAME,
        NameOID.STATE_OR_PROVINCE_NAME,
        NameOID.COMMON_NAME,
        NameOID.SERIAL_NUMBER,
    )
)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ([(C, "US"), (ST, "WA"), (O, "acme"), (CN, "x")], "CN=x,O=acme,ST=WA,C=US"),
        ([(CN, "x"), (C, "US")], "CN=x,C=US"),
        ([(OU, "a"), (OU, "b")], "OU=a+OU=b"),
        ([(CN, "first"), (CN, "last"), (SERIAL, "7")], "SERIALNUMBER=7,CN=last"),
        ([(CN, ' a,b+c"d\\e<f>g;h ')], 'CN=\\ a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\ '),
        ([(O, "#1"), (L, "=#41")], "O=\\#1,L==#41"),
        ([("1.2.3.4", "abc"), (CN, "x")], "CN=x,1.2.3.4=#1303616263"),
        ([("1.2.3.4", "\u00fc@")], "1.2.3.4=#0c03c3bc40"),
        ([], ""),
    ],
)
def test_names(attributes: list[tuple[str, str]], text: str) -> None:
    assert distinguished_name(_name(*attributes)) == text


def test_binary_attribute() -> None:
    identifier = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\x02", _ASN1Type.BitString)
    assert distinguished_name(x509.Name([identifier])) == "2.5.4.45=#0303000102"


@given(
    st.lists(st.tuples(st.sampled_from([C, O, CN, "1.2.3"]), st.text(min_size=1, max_size=16)), max_size=6)
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_name_can_be_shown(attributes: list[tuple[str, str]]) -> None:
    countries = [(oid, "XX" if oid == C else value) for oid, value in attributes]
    assert quoted(distinguished_name(_name(*countries))).isprintable()


def test_hostile_name_costs_linear_time() -> None:
    """Threat N3: names with `=#` made another implementation take memory without end."""
    name = _name(*[("1.2.3", "=#" * 4096)] * 64)
    started = time.process_time()
    text = distinguished_name(name)
    assert time.process_time() - started < 8
    assert len(text) < 64 * (4 * 8192 + 64)
    assert len(quoted(text)) <= MAX_SHOWN + 3
