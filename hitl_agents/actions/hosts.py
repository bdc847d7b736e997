"""Where an agent's request may go: names in one form, and addresses that are really meant."""

from __future__ import annotations

import ipaddress
import re
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PLAIN = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")


def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in text.split())


# What an administrator can open for one host: this machine and its own networks.
PRIVATE = _networks(
    "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 ::1 fc00::/7"
)
# What stays closed: clouds' metadata services, which hand out credentials, and, beyond what
# Python 3.11 knows, addresses that are special or carry an IPv4 address inside (NAT64, Teredo, 6to4).
NEVER = _networks(
    "169.254.0.0/16 100.100.100.200 168.63.129.16 fd00:ec2::/32 192.0.0.0/24 192.88.99.0/24 "
    "224.0.0.0/4 240.0.0.0/4 2001::/23 2002::/16 3fff::/20"
)
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # whatever lies outside is no ordinary address


class HostRefused(Exception):
    """Nothing may be sent there; the text says why and shows no address of an internal network."""


def host_name(text: str) -> str:
    """A host in its one form: lower case, IDNA, IPv6 without brackets. ValueError if it is none."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare:
        return ipaddress.IPv6Address(bare).compressed
    try:
        name = bare.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError as error:
        raise ValueError(f"{text!r} is no host name.") from error
    if not PLAIN.fullmatch(name) or ".." in name:
        raise ValueError(f"{text!r} is no host name.")
    return name


def addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of `host`, resolved once. HostRefused if there are none or one is forbidden.

    One forbidden address is enough: an ordinary name does not point inside and outside at once.
    The caller connects to these and does not resolve again, or the check would be worth nothing.
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostRefused(f"the name {host} cannot be resolved.") from error
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not found or not all(_is_open(text, allow_private) for text in found):
        raise HostRefused(f"{host} leads to an address that is not open to agents.")
    return found


def _is_open(text: str, allow_private: bool) -> bool:
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if _within(address, NEVER):
        return False
    if _within(address, PRIVATE):
        return allow_private
    return address.is_global and (address.version == 4 or address in GLOBAL_V6)


def _within(
    address: Address, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    return any(address in network for network in networks if network.version == address.version)
