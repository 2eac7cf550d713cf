"""The private certificate authority of a test run."""

import ssl
from pathlib import Path

import trustme

from .hosts import Host


class CertificateAuthority:
    """Signs a leaf certificate for each test host; `pem` is what every server and client is told to trust."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA(organization_name="Shoal end-to-end tests")
        self.pem = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.pem))

    def server_context(self, host: Host) -> ssl.SSLContext:
        """What a server named `host` needs to answer HTTPS; HTTP/1.1 only, so that WebSockets can upgrade."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host.name).configure_cert(context)
        return context
