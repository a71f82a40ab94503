"""`ip(...)` and `cidr(...)`.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/ip.go`, `cidr.go`; Go 1.26 `net/netip`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, TypeAlias

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.formatting import go_quote
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque

_Address: TypeAlias = IPv4Address | IPv6Address

_IP: Final = opaque("net.IP")
_CIDR: Final = opaque("net.CIDR")
_LONGEST: Final = 64
_BITS: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_BROADCAST: Final = IPv4Address("255.255.255.255")
_V4_LINK_LOCAL_MULTICAST: Final = IPv4Network("224.0.0.0/24")
_V4_LINK_LOCAL: Final = IPv4Network("169.254.0.0/16")
_V6_LINK_LOCAL: Final = IPv6Network("fe80::/10")


@dataclass(frozen=True, slots=True)
class IP(Opaque):
    """An address without zone; IPv4 addresses are never written as IPv6."""

    address: _Address

    @property
    def cel_type(self) -> Type:
        """Return `net.IP`."""
        return _IP

    def __str__(self) -> str:
        """Return the canonical form."""
        return str(self.address)


@dataclass(frozen=True, slots=True)
class CIDR(Opaque):
    """An address and how many bits of it name the network; the other bits are kept."""

    address: _Address
    bits: int

    @property
    def cel_type(self) -> Type:
        """Return `net.CIDR`."""
        return _CIDR

    def __str__(self) -> str:
        return f"{self.address}/{self.bits}"

    @property
    def network(self) -> IPv4Network | IPv6Network:
        """Return the network, without the other bits."""
        return ip_network(f"{self.address}/{self.bits}", strict=False)


def _address(text: str) -> IP:
    try:
        if len(text) > _LONGEST:
            raise ValueError
        address = ip_address(text)
    except ValueError as error:
        problem = f"ParseAddr({go_quote(text)}): unable to parse IP"
        raise CelError(
            f"IP Address {go_quote(text)} parse error during conversion from string: {problem}"
        ) from error
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise CelError(f"IP address {go_quote(text)} with zone value is not allowed")
        if address.ipv4_mapped is not None:
            raise CelError(f"IPv4-mapped IPv6 address {go_quote(text)} is not allowed")
    return IP(address)


def _is(read: Any, text: str) -> bool:
    try:
        read(text)
    except CelError:
        return False
    return True


def _prefix(text: str) -> CIDR:
    problem = "network address parse error during conversion from string: "
    written, slash, bits = text.rpartition("/")
    if not slash:
        raise CelError(f"{problem}{problem}netip.ParsePrefix({go_quote(text)}): no '/'")
    try:
        address = ip_address(written) if len(text) <= _LONGEST else None
    except ValueError:
        address = None
    if address is None or (isinstance(address, IPv6Address) and address.scope_id is not None):
        raise CelError(f"{problem}{problem}netip.ParsePrefix({go_quote(text)}): unable to parse IP")
    if not _BITS.fullmatch(bits):
        raise CelError(
            f"{problem}{problem}netip.ParsePrefix({go_quote(text)}): bad bits after slash: {go_quote(bits)}"
        )
    if int(bits) > address.max_prefixlen:
        raise CelError(f"{problem}{problem}netip.ParsePrefix({go_quote(text)}): prefix length out of range")
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        raise CelError(f"{problem}IPv4-mapped IPv6 address {go_quote(text)} is not allowed")
    return CIDR(address, int(bits))


def _is_link_local_multicast(ip: IP) -> bool:
    if isinstance(ip.address, IPv4Address):
        return ip.address in _V4_LINK_LOCAL_MULTICAST
    return int(ip.address) >> 112 & 0xFF0F == 0xFF02


def _is_link_local_unicast(ip: IP) -> bool:
    return ip.address in (_V4_LINK_LOCAL if ip.address.version == 4 else _V6_LINK_LOCAL)


def _is_global_unicast(ip: IP) -> bool:
    address = ip.address
    return not (
        address.is_unspecified
        or address == _BROADCAST
        or address.is_loopback
        or address.is_multicast
        or _is_link_local_unicast(ip)
    )


def _contains(cidr: CIDR, ip: IP) -> bool:
    return cidr.address.version == ip.address.version and ip.address in cidr.network


def _contains_network(cidr: CIDR, other: CIDR) -> bool:
    return (
        cidr.address.version == other.address.version
        and cidr.bits <= other.bits
        and cidr.network.overlaps(other.network)
    )


def _masked(cidr: CIDR) -> CIDR:
    return CIDR(cidr.network.network_address, cidr.bits)


LIBRARY: Final = Library(
    overloads=(
        overload("ip(string) -> net.IP", _address),
        overload("isIP(string) -> bool", lambda text: _is(_address, text)),
        overload("ip.isCanonical(string) -> bool", lambda text: str(_address(text)) == text),
        overload("string(net.IP) -> string", str),
        overload(".family(net.IP) -> int", lambda ip: ip.address.version),
        overload(".isUnspecified(net.IP) -> bool", lambda ip: ip.address.is_unspecified),
        overload(".isLoopback(net.IP) -> bool", lambda ip: ip.address.is_loopback),
        overload(".isLinkLocalMulticast(net.IP) -> bool", _is_link_local_multicast),
        overload(".isLinkLocalUnicast(net.IP) -> bool", _is_link_local_unicast),
        overload(".isGlobalUnicast(net.IP) -> bool", _is_global_unicast),
        overload("cidr(string) -> net.CIDR", _prefix),
        overload("isCIDR(string) -> bool", lambda text: _is(_prefix, text)),
        overload("string(net.CIDR) -> string", str),
        overload(".containsIP(net.CIDR, string) -> bool", lambda cidr, t: _contains(cidr, _address(t))),
        overload(".containsIP(net.CIDR, net.IP) -> bool", _contains),
        overload(
            ".containsCIDR(net.CIDR, string) -> bool", lambda cidr, t: _contains_network(cidr, _prefix(t))
        ),
        overload(".containsCIDR(net.CIDR, net.CIDR) -> bool", _contains_network),
        overload(".ip(net.CIDR) -> net.IP", lambda cidr: IP(cidr.address)),
        overload(".prefixLength(net.CIDR) -> int", lambda cidr: cidr.bits),
        overload(".masked(net.CIDR) -> net.CIDR", _masked),
    ),
    types={"net.IP": _IP, "net.CIDR": _CIDR},
)
