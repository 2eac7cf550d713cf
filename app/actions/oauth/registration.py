"""Dynamic registration: a client makes itself known (RFC 7591)."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint, InvalidClientMetadataError
from authlib.oauth2.rfc7591.errors import InvalidRedirectURIError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.actions.oauth.clients import BASIC, BOT, CODE, DEVICE, MAX_NAME_LENGTH, NO_SECRET, POST, REFRESH, add_client
from app.ids import new_id
from app.queries.scopes import SCOPES, spell

MAX_REDIRECTS: Final = 10
# Without a user, and with nothing that means more to a browser or in a policy than in a name.
_HOST: Final = re.compile(r"[A-Za-z0-9.:_\[\]-]+")
_NAMELESS: Final = "An app without a name"

Address = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[\x21-\x7e]+$")]


class MetadataGiven(msgspec.Struct):
    """What a client says of itself, in the shape of Authlib's requests."""

    data: dict[str, Any]
    credential: object = None

    @property
    def payload(self) -> MetadataGiven:
        return self


class _Given(BaseModel):
    """The types of what is read; what the values may be, Authlib checks and `_check`."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True, defer_build=True)

    client_name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)] = _NAMELESS
    client_uri: Address | None = None
    redirect_uris: Annotated[list[Address], Field(max_length=MAX_REDIRECTS)] = []
    grant_types: Annotated[list[str], Field(min_length=1, max_length=10)] = [CODE]
    response_types: Annotated[list[str], Field(max_length=10)] = ["code"]
    token_endpoint_auth_method: str = BASIC
    scope: Annotated[str, Field(max_length=1024)] = " ".join(SCOPES)


class Registration(ClientRegistrationEndpoint):
    """Anybody may: what a client gets is decided by the people whom it asks."""

    SUPPORTED: Final[Mapping[str, list[str]]] = {
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "grant_types_supported": [CODE, REFRESH, BOT, DEVICE],
        "token_endpoint_auth_methods_supported": [BASIC, POST, NO_SECRET],
    }

    def get_server_metadata(self) -> Mapping[str, list[str]]:
        return self.SUPPORTED

    def authenticate_token(self, request: MetadataGiven) -> bool:
        return True

    def create_endpoint_request(self, request: MetadataGiven) -> MetadataGiven:
        return request

    def extract_client_metadata(self, request: MetadataGiven) -> dict[str, Any]:
        """What is registered, complete. Raises InvalidClientMetadataError and InvalidRedirectURIError."""
        try:
            shape = _Given.model_validate(request.data)
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            raise InvalidClientMetadataError(f"{field}: not understood.") from None
        _check(shape)
        request.data = shape.model_dump(exclude_none=True) | {"scope": " ".join(sorted(spell(shape.scope.split())))}
        registered: dict[str, Any] = super().extract_client_metadata(request)
        return registered

    def generate_client_info(self, request: MetadataGiven) -> dict[str, Any]:
        info: dict[str, Any] = super().generate_client_info(request)
        if request.data["token_endpoint_auth_method"] == NO_SECRET:
            del info["client_secret"], info["client_secret_expires_at"]
        return info

    def generate_client_id(self, request: MetadataGiven) -> str:
        return new_id("client")

    def generate_client_secret(self, request: MetadataGiven) -> str:
        return secrets.token_urlsafe(32)

    def save_client(self, info: Mapping[str, Any], metadata: Mapping[str, Any], request: MetadataGiven) -> None:
        add_client(
            self.server.session,
            info["client_id"],
            name=metadata["client_name"],
            secret=info.get("client_secret"),
            auth_method=metadata["token_endpoint_auth_method"],
            grant_types=metadata["grant_types"],
            scopes=metadata["scope"].split(),
            redirect_uris=metadata["redirect_uris"],
            uri=metadata.get("client_uri"),
        )


def _check(shape: _Given) -> None:
    if BOT in shape.grant_types:
        raise InvalidClientMetadataError("A bot gets its credentials on the account page of whom it speaks for.")
    if CODE in shape.grant_types and not shape.redirect_uris:
        raise InvalidRedirectURIError("redirect_uris: required.")
    if not all(map(_is_redirect, shape.redirect_uris)):
        raise InvalidRedirectURIError("A redirect URI is https, or http on this machine, or of an app's own scheme.")
    if shape.client_uri is not None and not shape.client_uri.startswith("https://"):
        raise InvalidClientMetadataError("client_uri: https only.")
    if not shape.client_name.isprintable() or not shape.client_name.strip():
        raise InvalidClientMetadataError("client_name: not printable.")


def _is_redirect(uri: str) -> bool:
    """Where a code may go: not in clear across a network, and to no scheme that a browser itself runs (RFC 8252, 7)."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if "#" in uri or not host or not _HOST.fullmatch(parts.netloc):
        return False
    if parts.scheme == "http":
        return _is_loopback(host)
    return parts.scheme == "https" or "." in parts.scheme


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
