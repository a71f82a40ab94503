"""Which network addresses strangers may send us to: none that is inside.

A registry chooses where its redirects and token realms point. Inside addresses (loopback, private,
link-local, metadata services) are refused at connect time, on the address that is about to be used, so that
neither odd spellings nor changing DNS answers help (threats K29, O1).
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from aiohttp import AddrInfoType

_NAT64 = IPv6Network("64:ff9b::/96")
_OTHER_INSIDE = (IPv6Network("::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"))
"""IPv4-compatible, local NAT64 and site-local: inside, though Python's `is_global` says otherwise."""


_INSIDE_SUFFIXES = frozenset({"internal", "local", "localhost", "localdomain", "lan", "home", "corp", "svc"})
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
"""Last part of a host that URL parsers take for an IPv4 address, such as `127.1` and `0x7f.1`."""


class InsideAddressError(OSError):
    """Only inside addresses stand behind a name that has to lead outside.

    All instances have the same text, so that libraries that merge equal errors keep the class.
    """

    def __init__(self) -> None:
        super().__init__("not a public address")


def is_inside(address: str) -> bool:
    """Say whether an address is not one of the public internet; what is no address counts as inside."""
    try:
        ip = ip_address(address)
    except ValueError:
        return True
    if isinstance(ip, IPv6Address):
        if any(ip in network for network in _OTHER_INSIDE):
            return True
        ip = _embedded(ip)
    return not ip.is_global or ip.is_multicast


def is_inside_name(host: str) -> bool:
    """Say whether a host is inside as far as its name tells, where nobody here resolves it.

    Inside are inside addresses in any spelling, names without a dot, and names under reserved suffixes.
    """
    name = host.lower().strip("[]").rstrip(".")
    try:
        ip_address(name)
    except ValueError:
        last = name.rpartition(".")[2]
        return "." not in name or last in _INSIDE_SUFFIXES or bool(_NUMBER.fullmatch(last))
    return is_inside(name)


def _embedded(ip: IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that a translated IPv6 address leads to, or the address itself."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def outside_socket(info: AddrInfoType) -> socket.socket:
    """Return a socket for an address that is about to be connected to; a socket factory of aiohttp.

    Raises:
        InsideAddressError: the address is inside.
    """
    family, kind, protocol, _, address = info
    if is_inside(str(address[0])):
        raise InsideAddressError
    return socket.socket(family, kind, protocol)
