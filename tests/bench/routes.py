"""What clients do besides sending and reading: sign in, list, upload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from tests.bench.figures import Sample
from tests.bench.load import Expected, repeat, request_bytes
from tests.bench.plan import PASSWORD, Plan
from tests.bench.sends import READERS
from tests.bench.site import Site, cpu_seconds
from tests.bench.tools import Tools

ROUTES: Final = {
    "signin": "sign-ins, bcrypt of cost 12",
    "channels": "lists of channels",
    "users": "lists of people",
    "upload": "uploads of 100 KB",
}
_UPLOAD_BYTES: Final = 100_000


def measure_routes(site: Site, plan: Plan, tools: Tools) -> Iterator[Sample]:
    """Each route as eight people ask it."""
    tokens = site.tokens(READERS)
    for key in ROUTES:
        requests = [_request(site, key, token, number) for number, token in enumerate(tokens)]
        before = cpu_seconds(site.web())
        load = tools.generate(repeat, site.port, requests, _EXPECTED[key], seconds=plan.load_seconds)
        cpu = cpu_seconds(site.web()) - before
        tools.check_all_expected(ROUTES[key], load)
        yield f"route.{key}.rate", load.rate
        yield f"route.{key}.p50", load.percentile_ms(50)
        yield f"route.{key}.cpu", cpu * 1000 / load.count


_EXPECTED: Final = {
    "signin": Expected(200, b'"auth_token"'),
    "channels": Expected(200, b'"channels"'),
    "users": Expected(200, b'"users"'),
    "upload": Expected(201, b'"url"'),
}


def _request(site: Site, key: str, token: str, number: int) -> bytes:
    def ask(method: str, path: str) -> bytes:
        return request_bytes(method, f"{path}?{urlencode({'auth_token': token})}", host=site.host)

    match key:
        case "signin":
            given = urlencode({"username": f"member{number}", "password": PASSWORD})
            return request_bytes("GET", f"/api/v1/users/signin?{given}", host=site.host)
        case "channels":
            return ask("POST", "/api/v1/channels/list/")
        case "users":
            return ask("GET", "/api/v1/users/list")
    return _upload(site, token, number)


def _upload(site: Site, token: str, number: int) -> bytes:
    """The same bytes again and again for each person: what is measured is taking them in, not the disk's room."""
    content = bytes([number]) * _UPLOAD_BYTES
    body = (
        b'--x\r\nContent-Disposition: form-data; name="directory"\r\n\r\nuploads\r\n--x\r\n'
        b'Content-Disposition: form-data; name="file"; filename="notes.txt"\r\n\r\n' + content + b"\r\n--x--\r\n"
    )
    return request_bytes(
        "POST",
        f"/api/v1/storage/upload?{urlencode({'auth_token': token})}",
        host=site.host,
        headers=["Content-Type: multipart/form-data; boundary=x"],
        body=body,
    )
