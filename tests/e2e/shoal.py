"""A Shoal server under test: `shoal serve` behind its TLS proxy."""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import urllib3

from .client import ChatClient
from .hosts import Host
from .processes import ManagedProcess, free_port
from .proxy import TlsProxy
from .tls import CertificateAuthority
from .waiting import eventually

# The command of the environment that runs the tests.
INSTALLED = Path(sys.executable).parent / "shoal"
# What the product promises; a machine shared with five other servers gets the double.
SHUTDOWN_SECONDS = 10
START_SECONDS = 60


def is_answering(port: int, host: Host, path: str) -> bool:
    """Whether the web process on the port says 200 at the path, within two seconds."""
    try:
        answer = urllib3.request(
            "GET", f"http://127.0.0.1:{port}{path}", headers={"Host": host.name}, timeout=2, retries=False
        )
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200


class ShoalServer:
    """One server with data of its own; what `env` adds (DATABASE_URL, REDIS_URL) decides what it stands on.

    The proxy outlives the server: while the server is down, callers get a connection that ends at once, and
    with `proxy.stop()` they are refused.
    """

    def __init__(
        self,
        host: Host,
        authority: CertificateAuthority,
        folder: Path,
        env: Mapping[str, str] | None = None,
        *,
        shoal: Path = INSTALLED,
    ) -> None:
        folder.mkdir()
        (folder / "data").mkdir()
        self.host = host
        self.origin = host.origin
        self.port = free_port()
        self.data = folder / "data"
        self._authority = authority
        self.proxy = TlsProxy(host, self.port, authority.server_context(host))
        self.process = ManagedProcess(
            [shoal, "serve"],
            log=folder / "shoal.log",
            env=self._environment(env or {}),
            # Not the checkout: a developer's .env there must not reach a test.
            folder=folder,
        )

    def __enter__(self) -> Self:
        self.proxy.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self.proxy.stop()

    def start(self) -> None:
        """Start it on the data it has and wait until it says that it is healthy."""
        self.process.start()
        eventually(self._is_healthy, timeout_seconds=START_SECONDS, what=f"{self.host.name} is healthy")

    def stop(self) -> None:
        """SIGTERM; an AssertionError if it, or any process it started, is there after SHUTDOWN_SECONDS."""
        self.process.stop(within_seconds=SHUTDOWN_SECONDS)

    def kill(self) -> None:
        """SIGKILL to the server and everything it started, as a power cut would."""
        self.process.kill()

    def client(self) -> ChatClient:
        return ChatClient(self.origin, ca_file=self._authority.pem)

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.data),
            "LC_ALL": "C.UTF-8",
            "PORT": str(self.port),
            "SHOAL_ORIGIN": self.origin,
            "SHOAL_SECRET_KEY": secrets.token_urlsafe(32),
            "SHOAL_DATA": str(self.data),
            "SHOAL_ALLOW_NETWORKS": "127.0.0.0/8",
            "SHOAL_RATE_LIMIT": "999999",
            "SHOAL_CA_FILE": str(self._authority.pem),
            "SHOAL_TRUSTED_PROXIES": "127.0.0.0/8",
            **extra,
        }

    def _is_healthy(self) -> bool:
        self.process.check_running()
        return is_answering(self.port, self.host, "/healthz")
