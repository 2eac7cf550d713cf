"""HTTP as every route of this server speaks it."""

from __future__ import annotations

import gzip
import json
import logging
import uuid
from typing import Any

import pytest

from app.errors import UnavailableError
from app.facades.pufferblow import users
from app.web.bodies import MAX_BODY_BYTES
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server

SIGN_UP = "/api/v1/users/signup"
INFO = "/api/v1/info"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", INFO, 200),
        ("GET", "/api/v1/nope", 404),
        ("GET", SIGN_UP, 405),
        ("POST", SIGN_UP, 400),
        ("POST", "/api/v1/users/profile", 401),
        ("GET", "/ap/users/nobody", 404),
        ("POST", "/ap/inbox", 415),
    ],
)
@ON_SQLITE
def test_every_answer_is_json_with_its_own_request_id(server: Server, method: str, path: str, status: int) -> None:
    first, second = server.call(method, path), server.call(method, path)

    assert (first.status_code, first.mimetype) == (status, "application/json")
    ids = {uuid.UUID(answer.headers["X-Request-ID"]) for answer in (first, second)}
    assert len(ids) == 2
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Referrer-Policy"] == "no-referrer"
    assert first.headers["Cache-Control"] == "no-store"
    if status >= 400:
        assert (first.status_code, first.json) == refusal(status, first.json["detail"])
        assert isinstance(first.json["detail"], str)


@pytest.mark.parametrize("path", [INFO, "/api/v1/nope", SIGN_UP, "/", "/docs", "/healthz"])
@ON_SQLITE
def test_a_browser_of_another_origin_may_ask_every_path(server: Server, path: str) -> None:
    answer = server.call(
        "OPTIONS",
        path,
        headers={
            "Origin": "http://localhost:4173",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-pufferblow-node-session",
        },
    )

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:4173"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE, OPTIONS"
    assert {"content-type", "x-pufferblow-node-session", "authorization"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert "Origin" in answer.vary


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/nope"), ("GET", SIGN_UP), ("POST", SIGN_UP)])
@ON_SQLITE
def test_a_browser_of_another_origin_may_read_errors(server: Server, method: str, path: str) -> None:
    answer = server.call(method, path, headers={"Origin": "https://client.example"})

    assert answer.status_code >= 400
    assert answer.headers["Access-Control-Allow-Origin"] == "https://client.example"
    assert {"X-Request-ID", "Retry-After", "X-RateLimit-Reset"} <= set(
        answer.headers["Access-Control-Expose-Headers"].split(", ")
    )


@ON_SQLITE
def test_a_wrong_method_is_told_the_right_ones(server: Server) -> None:
    answer = server.call("GET", SIGN_UP)

    assert (answer.status_code, answer.json) == refusal(405, "Method Not Allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/api/v1"])
@ON_SQLITE
def test_the_root_leads_to_info(server: Server, path: str) -> None:
    answer = server.call("GET", path)

    assert (answer.status_code, answer.headers["Location"]) == (307, INFO)


@pytest.mark.parametrize("path", [INFO + "/", "/api/v1/users/", "/api/v1/"])
@ON_SQLITE
def test_a_slash_at_the_end_changes_nothing(server: Server, path: str) -> None:
    assert server.call("GET", path).status_code == server.call("GET", path.rstrip("/")).status_code


@ON_SQLITE
def test_a_doubled_slash_is_no_route_and_no_redirect(server: Server) -> None:
    assert server.call("GET", "/api//v1/info").status_code == 404


@ON_SQLITE
def test_head_is_get_without_a_body(server: Server) -> None:
    answer = server.call("HEAD", INFO)

    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff",
        '{"username":"a"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"username":NaN}',
        b'{"username":"a","username":"b"}',
        b'{"username":"\\u0000"}',
        b'{"username":"\\ud800"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
    ],
)
@ON_SQLITE
def test_json_that_readers_disagree_about_is_refused(server: Server, body: bytes) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, data=body, content_type="application/json")

    told = "The request body is not a JSON object we accept."
    assert (answer.status_code, answer.json) == refusal(400, told, code=2)


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", None])
@ON_SQLITE
def test_a_body_of_another_kind_is_refused(server: Server, kind: str | None) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, data=b'{"username":"bob","password":"x"}', content_type=kind)

    assert answer.status_code == 415


@ON_SQLITE
def test_a_compressed_body_is_refused(server: Server) -> None:
    answer = server.call(
        "POST",
        SIGN_UP,
        data=gzip.compress(b'{"username":"bob","password":"x"}'),
        content_type="application/json",
        headers={"Content-Encoding": "gzip"},
    )

    assert answer.status_code == 415


@pytest.mark.parametrize("announced", [True, False])
@ON_SQLITE
def test_a_body_above_the_limit_is_refused(server: Server, announced: bool) -> None:
    body = json.dumps({"username": "bob", "password": "x" * MAX_BODY_BYTES}).encode()
    options: dict[str, Any] = {} if announced else {"environ_overrides": _unannounced(body)}

    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, data=body, content_type="application/json", **options)

    assert (answer.status_code, answer.json) == refusal(413, "The request body is larger than 1024 KiB.")


@ON_SQLITE
def test_a_body_shorter_than_announced_is_refused(server: Server) -> None:
    with server.stores_nothing():
        answer = server.call(
            "POST",
            SIGN_UP,
            data=b'{"username":"bob","password":"x"}',
            content_type="application/json",
            environ_overrides={"CONTENT_LENGTH": "1000", "wsgi.input_terminated": True},
        )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("query", "body"),
    [("username=bob&username=eve&password=x", {}), ("username=b%00ob&password=x", {}), ("", {"password": "x"})],
)
@ON_SQLITE
def test_ambiguous_broken_or_missing_parameters_are_refused(server: Server, query: str, body: dict[str, str]) -> None:
    with server.stores_nothing():
        answer = server.call("POST", SIGN_UP, query_string=query, data=body)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "given",
    [
        {"username": "bob", "password": ["hunter2"]},
        {"username": {"a": "hunter2"}, "password": "x"},
        {"username": "bob"},
    ],
)
@ON_SQLITE
def test_a_refusal_repeats_nothing_of_what_was_sent(server: Server, given: dict[str, Any]) -> None:
    answer = server.call("POST", SIGN_UP, json=given)

    assert answer.status_code == 400
    assert "hunter2" not in answer.text
    assert isinstance(answer.json["detail"], str)


@pytest.mark.parametrize("place", ["query_string", "json", "data", "multipart"])
@ON_SQLITE
def test_a_parameter_may_be_in_every_place(server: Server, place: str) -> None:
    given = {"username": "bob", "password": "x"}
    options: dict[str, Any] = (
        {"data": given, "content_type": "multipart/form-data"} if place == "multipart" else {place: given}
    )

    assert server.call("POST", SIGN_UP, **options).status_code == 201


@ON_SQLITE
def test_the_query_wins_over_the_body(server: Server) -> None:
    server.call("POST", SIGN_UP, query_string={"username": "bob"}, json={"username": "eve", "password": "x"})

    assert (
        server.call("GET", "/api/v1/users/signin", query_string={"username": "bob", "password": "x"}).status_code == 200
    )


@ON_SQLITE
def test_an_unexpected_error_tells_the_client_an_id_and_the_log_the_rest(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(users, "get_profile", fail)

    answer = server.call("POST", "/api/v1/users/profile", person=owner)

    assert (answer.status_code, answer.json) == refusal(500, "Internal Server Error")
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert answer.headers["X-Request-ID"] in record.getMessage()
    assert "the secret is 42" in (record.exc_text or "")
    assert owner.token not in caplog.text


@ON_SQLITE
def test_who_debugs_is_told_where_it_failed_if_they_own_the_server(
    server: Server, owner: Person, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret is 42") from KeyError("pass phrase")

    monkeypatch.setattr(users, "get_profile", fail)
    path = "/api/v1/users/profile"

    answer = server.call("POST", f"{path}?debug=1", person=owner)
    debug = answer.json["debug"]
    assert answer.status_code == 500
    assert debug["request_id"] == answer.headers["X-Request-ID"]
    assert debug["errors"] == ["RuntimeError", "KeyError"]
    assert any(line.startswith("app/web/api.py:") and line.endswith(" handle") for line in debug["raised_at"])
    assert all(line.startswith(("app/", "activitypub/")) for line in debug["raised_at"])
    assert "the secret" not in answer.text
    assert "pass phrase" not in answer.text
    missing = server.call("GET", f"/api/v1/nothing?debug=1&auth_token={owner.token}").json
    assert (missing["detail"], missing["debug"]["errors"], missing["debug"]["raised_at"]) == (
        "Not Found",
        ["NotFound"],
        [],
    )

    for person, query in ((member, "?debug=1"), (None, "?debug=1"), (owner, "?debug=0"), (owner, "")):
        for what in (path, "/api/v1/nothing", "/api/v1/channels/list"):
            assert "debug" not in server.call("POST", what + query, person=person).json
    stranger = server.call("GET", "/api/v1/nothing?debug=1&auth_token=x")
    assert (stranger.status_code, stranger.json) == refusal(404, "Not Found")


def test_storage_that_is_away_is_a_503_and_a_time_to_come_back(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UnavailableError

    monkeypatch.setattr(users, "get_profile", fail)

    answer = server.call("POST", "/api/v1/users/profile", person=owner)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def _unannounced(body: bytes) -> dict[str, Any]:
    """As gunicorn hands on a chunked body: without a length, on a stream that ends."""
    return {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


@ON_SQLITE
def test_a_part_of_a_form_whose_name_cannot_be_read_is_a_400(server: Server, owner: Person) -> None:
    """Found by schemathesis."""
    part = b'--x\r\nContent-Disposition: form-data; name="\xc3\xb1\xf1\x93\xa0\x91\\"\r\n\r\n1\r\n--x--\r\n'
    path = "/api/v1/channels/nothing/send_message"

    with server.stores_nothing():
        answer = server.call("POST", path, person=owner, data=part, content_type="multipart/form-data; boundary=x")

    assert answer.status_code == 400
