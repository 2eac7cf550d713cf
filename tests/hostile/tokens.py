"""Access tokens of hostile cases: alice's, right but for the one thing that a case names."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from app.keyring import Keyring
from tests.facades.oauth.flows import Page

if TYPE_CHECKING:
    from tests.hostile.arena import Arena

GROUP: Final = "oauth, jwt & refresh"
# Where a case is about the token and not about the path, and the path is another contract's.
_ROUTE: Final = "/api/v1/users/list"
_FOREIGN_ROUTE: Final = "/api/v1/accounts"
_TOKEN: Final = "/auth/oauth2/token"
_REDIRECT: Final = "https://app.test/cb"
_RECIPES: Final = frozenset({"alg", "hdr", "kind"})
_TTL_SECONDS: Final = 900
_EVIL_KEY: Final = b"a key that mallory has"
_EVIL_URL: Final = "https://evil.test/keys"
_JWK: Final = {"kty": "oct", "k": base64.urlsafe_b64encode(_EVIL_KEY).rstrip(b"=").decode()}
# Other things that are called tokens, by the words they are kept under.
_OTHER_KINDS: Final = {"refresh_as_access": "refresh:alice", "node_as_user": "node:alice"}
# Headers that would have somebody else's key used, and that key.
_HEADERS: Final[Mapping[str, tuple[dict[str, Any], bytes]]] = {
    "jku": ({"jku": _EVIL_URL}, _EVIL_KEY),
    "x5u": ({"x5u": _EVIL_URL}, _EVIL_KEY),
    "jwk": ({"jwk": _JWK}, _EVIL_KEY),
    "kid_traversal": ({"kid": "../../dev/null"}, b""),
    "kid_sql": ({"kid": "x' UNION SELECT 'key' --"}, b"key"),
}


def complete(case: dict[str, Any]) -> None:
    if case["path"] == _TOKEN:
        case["body"] += "&client_id={{client}}"  # Whose token it is: who does not say so is refused for that alone.
    if case["path"] == _FOREIGN_ROUTE:
        case["path"] = _ROUTE


def vary(case: dict[str, Any], name: str, value: Any) -> bool:
    """Change what only these cases change; whether it was one of them."""
    if name == "redirect_uri":
        case["path"] = case["path"].replace("https://app.test.evil.test/cb", quote(value))  # A bare # ends a target.
    elif name in _RECIPES:
        case["headers"]["Authorization"] = f"Bearer {{{{jwt:{name}={value}}}}}"
    else:
        return False
    return True


def forge(recipe: str, words: Mapping[str, str]) -> str:
    """The token of a `{{jwt:name=value}}`. Raises KeyError for a recipe nobody knows."""
    name, _, value = recipe.partition("=")
    if name == "kind" and value in _OTHER_KINDS:
        return words[_OTHER_KINDS[value]]
    key_id, key = _signing_key(words["secret"])
    header: dict[str, Any] = {"alg": "HS256", "typ": "JWT", "kid": key_id}
    claims = _claims_of(words["tok:alice"])
    match name:
        case "alg":
            return _sign(header | {"alg": value}, claims, None)
        case "crit":
            header |= {"crit": [value], value: True}
        case "hdr" if value == "crit":
            header |= {"crit": ["x"], "x": True}
        case "hdr":
            changed, key = _HEADERS[value]
            header |= changed
        case "kid":
            header["kid"], key = _signing_key(words[f"secret:{value}"])
        case "kind" | "origin_server":
            _spoil(claims, value)
        case _:
            raise KeyError(recipe)
    return _sign(header, claims, key)


def open_node_session(arena: Arena) -> None:
    """One of alice's, as word `node:alice`."""
    path = "/api/v1/auth/decentralized"
    asked = arena.api("POST", f"{path}/challenge", {"node_id": "node"}, who="alice")
    secret = secrets.token_urlsafe(16)
    signature = hmac.new(secret.encode(), asked["challenge_nonce"].encode(), hashlib.sha256).hexdigest()
    answer = {
        "challenge_id": asked["challenge_id"],
        "node_public_key": "node",
        "challenge_signature": signature,
        "shared_secret": secret,
    }
    arena.words["node:alice"] = arena.api("POST", f"{path}/verify", answer)["session_token"]


def connect_client(arena: Arena, password: str, *, source: str | None = None) -> None:
    """A client of OAuth as word `client`, which alice allowed to read; `R1` is its refresh token.

    She also allowed it to write and not to read, which is the access token `tok:alice:write_only`.
    """
    metadata = {
        "redirect_uris": [_REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }
    client: str = arena.api("POST", "/auth/oauth2/register", metadata)["client_id"]
    entered = arena.send_json("POST", "/auth/login", {"username": "alice", "password": password}, source=source)
    cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
    arena.words |= {"client": client, "R1": _allow(arena, client, cookie, "message:read")["refresh_token"]}
    arena.words["tok:alice:write_only"] = _allow(arena, client, cookie, "message:write")["access_token"]


def _allow(arena: Arena, client: str, cookie: Mapping[str, str], scope: str) -> dict[str, Any]:
    """The tokens of a client that whoever the cookie belongs to allows a scope."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": _REDIRECT,
        "scope": scope,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    path = f"/auth/oauth2/authorize?{urlencode(asked)}"
    page = Page(arena.send("GET", path, headers={**cookie, "Accept": "text/html"}).body.decode())
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    allowed = urlencode(page.forms[0] | {"decision": "allow"}).encode()
    answer = arena.send("POST", path, headers={**cookie, **form}, body=allowed)
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": _REDIRECT}
    body = urlencode(grant | {"client_id": client, "code_verifier": verifier}).encode()
    tokens: dict[str, Any] = json.loads(arena.send("POST", _TOKEN, headers=form, body=body).body)
    return tokens


def _spoil(claims: dict[str, Any], flaw: str) -> None:
    match flaw:
        case "none":
            pass
        case "no_aud":
            del claims["aud"]
        case "expired":
            claims["exp"] = int(time.time()) - 1
        case "no_exp":
            del claims["exp"]
        case "other_session":
            claims["sid"] = secrets.token_hex(16)
        case _:
            origin = "other.test" if flaw == "other_origin" else flaw
            claims |= {"origin_server": origin, "iss": origin}


def _claims_of(token: str) -> dict[str, Any]:
    """Those of a real token, made to begin now."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    now = int(time.time())
    return claims | {"iat": now, "exp": now + _TTL_SECONDS}


def _signing_key(secret: str) -> tuple[str, bytes]:
    ((key_id, key),) = Keyring((secret,)).token_secrets.items()
    return key_id, key


def _sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: bytes | None) -> str:
    """By hand, because no library makes most of these; None leaves the signature empty."""
    signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
    signature = b"" if key is None else hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encode(signature)}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
