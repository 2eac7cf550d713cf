"""What a setting's text means, and what is wrong with one that means nothing.

Each raises ValueError with the end of a sentence whose beginning is the setting's name.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SECRET_LENGTH_MIN = 32
MAX_SOCKET_PATH = 103
LOG_LEVELS = ("debug", "info", "warning", "error")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_POSTGRESQL_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def origin(text: str) -> str:
    """Scheme, host and port as browsers serialise an origin (RFC 6454 section 6.1)."""
    parts = urlsplit(text)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"must be like https://chat.example, not {text!r}")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"must be a scheme, a host and perhaps a port, nothing else, not {text!r}")
    host = f"[{ipaddress.IPv6Address(parts.hostname)}]" if ":" in parts.hostname else parts.hostname
    if ":" not in host and not _HOST_NAME.fullmatch(host):
        raise ValueError(f"has a host that is not a plain ASCII name: {parts.hostname!r}")
    port = parts.port  # Reading it raises ValueError when it is above 65535.
    if port == 0:
        raise ValueError("cannot have port 0")
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


def items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def secret_ring(text: str) -> tuple[str, ...]:
    ring = tuple(items(text))
    if not ring or min(map(len, ring)) < SECRET_LENGTH_MIN:
        raise ValueError(f"must have at least {SECRET_LENGTH_MIN} characters in each of its secrets")
    return ring


def networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(item) for item in items(text))


def outgoing_networks(text: str) -> tuple[Network, ...]:
    named = networks(text)
    if any(network.prefixlen == 0 for network in named):
        raise ValueError("may name networks, not all addresses there are")
    return named


def addresses(text: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_address(item)) for item in items(text))


def database_url(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if text and (scheme not in _POSTGRESQL_SCHEMES or not rest):
        raise ValueError("must be like postgresql://user:password@host/name")
    return text and f"postgresql+psycopg://{rest}"  # The name of psycopg 3; platforms say postgres://.


def redis_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("redis", "rediss", "unix") or not (parts.hostname or parts.scheme == "unix"):
        raise ValueError("must be like redis://user:password@host:6379/0")
    if parts.scheme == "rediss" and "ssl_cert_reqs=" not in parts.query:
        return text + ("&" if parts.query else "?") + "ssl_cert_reqs=required"  # Celery insists that it is said.
    return text


def folder(text: str) -> Path:
    """An absolute path; whoever writes there first makes it."""
    return Path(text).expanduser().resolve()


def on_or_off(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(f"must be on or off, not {text!r}")
    return text == "on"


def domains(text: str) -> frozenset[str]:
    domains = frozenset(item.lower() for item in items(text))
    for domain in domains:
        if not _HOST_NAME.fullmatch(domain):
            raise ValueError(f"must be domains separated by commas, not {domain!r}")
    return domains


def repository(text: str) -> str | None:
    if text and not re.fullmatch(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}", text):
        raise ValueError(f"must be owner/name, not {text!r}")
    return text or None


def bucket(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError(f"must be a bucket's name, not {text!r}")
    return text


def endpoint(text: str) -> str:
    return text and origin(text)


def ca_file(text: str) -> Path | None:
    if not text:
        return None
    path = Path(text).expanduser().resolve()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one.
        raise ValueError(f"is not a readable PEM file of certificates: {path}") from error
    return path


def socket_path(text: str) -> Path | None:
    path = Path(text).expanduser().resolve()
    if text and (len(os.fsencode(path)) > MAX_SOCKET_PATH or not path.parent.is_dir()):
        raise ValueError(f"is no path of at most {MAX_SOCKET_PATH} bytes in a folder that is there: {path}")
    return path if text else None


def log_level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}, not {text!r}")
    return text.lower()


def flower_auth(text: str) -> str | None:
    pairs = items(text)
    if any(not all(pair.partition(":")) for pair in pairs):
        raise ValueError("must be user:password")
    return ",".join(pairs) or None
