"""The third server: Fedify under Node.js, steered over its control port."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import urllib3

from .hosts import Host
from .processes import ManagedProcess
from .proxy import TlsProxy
from .tls import CertificateAuthority
from .waiting import eventually

PACKAGE = Path(__file__).parent / "fedify"
INSTALL_SECONDS = 300
COMMAND_SECONDS = 30


class NodeUnavailableError(RuntimeError):
    """There is no Node.js, or no npm, on this machine."""


def install_package(package: Path = PACKAGE) -> None:
    """`npm ci` what the lock file of a folder names, unless node_modules has it already."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise NodeUnavailableError(f"{' and '.join(missing)} not found: {package.name} needs Node.js 20 or later")
    # npm writes this copy of the lock file last, so its age is that of a complete installation.
    installed = package / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= (package / "package-lock.json").stat().st_mtime:
        return
    npm = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=package,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS,
    )
    if npm.returncode != 0:
        raise RuntimeError(f"npm ci failed in {package}:\n{npm.stdout}")


@dataclass(frozen=True, slots=True)
class PeerState:
    """What the peer knows now. Activities are as they came in, JSON of other servers' making."""

    followers: dict[str, list[str]]
    following: dict[str, str]
    inbox: list[dict[str, Any]]
    announced: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    likes: dict[str, dict[str, Any]]
    outbox_errors: list[dict[str, Any]]

    def received(self, activity_type: str) -> list[dict[str, Any]]:
        """The verified activities of a type, oldest first."""
        return [entry["activity"] for entry in self.inbox if entry["activity"]["type"] == activity_type]


class FedifyPeer:
    """A Person `alice` and a Group `room` on a test host; it accepts every Follow and keeps all in memory."""

    def __init__(self, host: Host, authority: CertificateAuthority, folder: Path) -> None:
        folder.mkdir()
        self.host = host
        self.origin = host.origin
        self._authority = authority
        self._control = 0
        self._proxy: TlsProxy | None = None
        self._http = urllib3.PoolManager()
        self.process = ManagedProcess(
            ["node", PACKAGE / "peer.mjs"],
            log=folder / "fedify.log",
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "PEER_ORIGIN": host.origin,
                "NODE_EXTRA_CA_CERTS": str(authority.pem),
            },
            folder=PACKAGE,
        )

    def __enter__(self) -> Self:
        self.process.start()
        ports = eventually(self._read_ports, timeout_seconds=60, what="the Fedify peer says its ports")
        self._control = ports["control"]
        self._proxy = TlsProxy(self.host, ports["port"], self._authority.server_context(self.host))
        self._proxy.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.clear()
        self.proxy.stop()
        self.process.kill()

    @property
    def proxy(self) -> TlsProxy:
        if self._proxy is None:
            raise RuntimeError("the peer has not started")
        return self._proxy

    @property
    def alice(self) -> str:
        """The URI of the Person."""
        return f"{self.origin}/users/alice"

    @property
    def room(self) -> str:
        """The URI of the Group."""
        return f"{self.origin}/users/room"

    def handle(self, name: str) -> str:
        return f"{name}@{self.host.name}"

    def state(self) -> PeerState:
        answer = self._call("GET", "state")
        return PeerState(**{field: answer[field] for field in PeerState.__dataclass_fields__})

    def lookup(self, target: str) -> dict[str, Any]:
        """The document behind a handle (by WebFinger) or URI, as Fedify fetches and reads it."""
        return self._call("POST", "lookup", target=target)

    def follow(self, target: str) -> str:
        """Follow a handle or URI as alice; returns the URI of the followed actor."""
        uri: str = self._call("POST", "follow", target=target)["target"]
        return uri

    def unfollow(self, target: str) -> None:
        self._call("POST", "unfollow", target=target)

    def send_direct(self, to: list[str], content: str) -> str:
        """A Note to these actors alone, each of them mentioned; returns its URI."""
        return self._send(to=to, content=content, kind="dm")

    def send_public(self, content: str, *, to: list[str] | None = None, in_reply_to: str | None = None) -> str:
        """A public Note to alice's followers and the mentioned; returns its URI."""
        return self._send(to=to or [], content=content, kind="public", inReplyTo=in_reply_to)

    def send_to_channel(self, channel: str, content: str, *, in_reply_to: str | None = None) -> str:
        """A public Note addressed to a channel's Group; returns its URI."""
        return self._send(to=[channel], content=content, kind="channel", inReplyTo=in_reply_to)

    def edit(self, note: str, content: str) -> None:
        self._call("POST", "edit", note=note, content=content)

    def delete(self, note: str) -> None:
        self._call("POST", "delete", note=note)

    def like(self, uri: str, *, emoji: str | None = None) -> str:
        """Like a message by its URI; returns the URI of the Like."""
        activity: str = self._call("POST", "like", uri=uri, content=emoji)["activity"]
        return activity

    def unlike(self, like: str, *, uri: str) -> None:
        """Undo the Like `like` of the message `uri`."""
        self._call("POST", "unlike", activity=like, uri=uri)

    def announce(self, uri: str) -> str:
        activity: str = self._call("POST", "announce", uri=uri)["activity"]
        return activity

    def _send(self, **parameters: object) -> str:
        note: str = self._call("POST", "send", **parameters)["note"]
        return note

    def _call(self, method: str, command: str, **parameters: object) -> dict[str, Any]:
        answer = self._http.request(
            method,
            f"http://127.0.0.1:{self._control}/control/{command}",
            json=parameters if method == "POST" else None,
            timeout=COMMAND_SECONDS,
            retries=False,
        )
        document: dict[str, Any] = answer.json()
        if answer.status != 200:
            raise AssertionError(f"the Fedify peer could not {command} {parameters}: {document['error']}")
        return document

    def _read_ports(self) -> dict[str, int]:
        self.process.check_running()
        for line in self.process.log.read_text(encoding="utf-8").splitlines():
            if line.startswith('{"port"'):
                ports: dict[str, int] = json.loads(line)
                return ports
        return {}
