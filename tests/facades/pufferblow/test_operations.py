"""The log and the settings of the running server: who may see and change them, and what nobody is shown."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.services.log_ring import LogRing
from app.services.logs import configure_logging
from app.setting_docs import SETTINGS_DOCS
from app.settings import configure, current
from tests.e2e.valkey import ValkeyServer
from tests.e2e.waiting import eventually
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.pufferblow.test_server_info import changes_nothing

LOGS, CONFIG = "/api/v1/system/logs", "/api/v1/system/runtime-config"


def read(server: Server, by: Person, **given: Any) -> Any:
    return server.call("POST", LOGS, json={"auth_token": by.token} | given)


def change(server: Server, by: Person, **settings: Any) -> Any:
    return server.call("PUT", CONFIG, json={"auth_token": by.token, "settings": settings})


@pytest.fixture
def log(server: Server, owner: Person, valkey: ValkeyServer) -> Iterator[Callable[..., None]]:
    """Logs lines, and waits until the staff can read the last of them."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure(dataclasses.replace(current(), redis_url=valkey.url))
    valkey_lines(valkey)
    configure_logging("info", also=LogRing(valkey.url, installation=ORIGIN))

    def log(*lines: str, level: int = logging.INFO) -> None:
        for line in lines:
            logging.getLogger("app.somewhere").log(level, line)
        eventually(lambda: lines[-1][:8] in read(server, owner, lines=1).text, what="the line is in the ring")

    yield log
    root.handlers[:] = handlers
    root.setLevel(level)


def valkey_lines(valkey: ValkeyServer) -> None:
    """The ring is empty."""
    import redis

    with redis.Redis.from_url(valkey.url) as client:
        client.delete(f"shoal:logs:{ORIGIN}")


def test_the_newest_lines_come_first_and_can_be_searched(
    server: Server, owner: Person, log: Callable[..., None]
) -> None:
    log("first of all", "second to none")
    log("third time unlucky", level=logging.ERROR)

    def contents(**given: Any) -> list[str]:
        answer = read(server, owner, **given).json
        assert answer["total_lines"] == len(answer["logs"])
        return [line["content"].rpartition(" | ")[2] for line in answer["logs"]]

    assert contents() == ["third time unlucky", "second to none", "first of all"]
    assert contents(lines=1) == ["third time unlucky"]
    assert contents(search="SECOND") == ["second to none"]
    assert contents(level="error") == ["third time unlucky"]
    assert contents(level="ALL", search="") == contents()
    assert read(server, owner).json["logs"][0]["content"].split(" | ")[1:3] == ["ERROR", "app.somewhere"]
    assert read(server, owner, level="error").json["filtered"] is True


def test_the_cause_of_an_error_is_found_however_long_it_is(
    server: Server, owner: Person, log: Callable[..., None]
) -> None:
    try:
        raise RuntimeError("x" * 10_000)
    except RuntimeError:
        logging.getLogger("app.somewhere").exception("it broke")
    log("afterwards")

    lines = read(server, owner, level="error").json["logs"]

    assert [line["content"].split(" | ")[1:] for line in lines] == [["ERROR", "app.somewhere", "it broke"]]
    assert "RuntimeError: xxx" in lines[0]["raw"]


def test_secrets_are_taken_out_of_what_is_logged(server: Server, owner: Person, log: Callable[..., None]) -> None:
    token = owner.token
    secrets = ("hunter2", token, token.split(".")[2], owner.session["refresh_token"], "pa55")

    log(
        f"GET /api/v1/users?auth_token=opaque-{secrets[0]}&page=1",
        f'{{"password": "hunter2", "auth_token": "{token}"}}',
        f"Authorization: Bearer {token}",
        f"refresh {owner.session['refresh_token']}",
        "connecting to postgresql://shoal:pa55@db.example/shoal",
        "the last line",
    )
    text = read(server, owner).text

    assert [secret for secret in secrets if secret in text] == []
    assert "db.example" in text


def test_without_the_broker_the_log_cannot_be_read(server: Server, owner: Person) -> None:
    answer = read(server, owner)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_what_makes_no_sense_of_a_log_is_refused(server: Server, owner: Person) -> None:
    senseless: list[dict[str, Any]] = [{"lines": 0}, {"lines": 1001}, {"level": "loud"}, {"search": "x" * 201}]

    assert [read(server, owner, **given).status_code for given in senseless] == [400] * 4


def test_log_and_settings_are_for_the_staff(server: Server, owner: Person, member: Person) -> None:
    given = {"settings": {"MAX_USERS": 1}}

    with changes_nothing(server):
        answers = [
            server.call(method, path, json=given, person=person)
            for method, path in (("POST", LOGS), ("POST", CONFIG), ("PUT", CONFIG))
            for person in (member, None)
        ]

    assert [answer.status_code for answer in answers] == [403, 401] * 3


def test_every_setting_is_shown_and_no_secret_ever(server: Server, owner: Person) -> None:
    secret, bucket_less = "s" * 32, current()
    configure(
        dataclasses.replace(
            bucket_less,
            database_url="postgresql+psycopg://shoal:pa55@db.example/shoal?password=pa55",
            redis_url="rediss://user:pa55@redis.example/0",
            flower_auth="admin:pa55",
        )
    )

    body = {"auth_token": owner.token, "include_secrets": True}
    answer = server.call("POST", CONFIG, json=body)
    config = answer.json["runtime_config"]

    assert {doc.name for doc in SETTINGS_DOCS} <= config.keys()
    assert (config["MAX_RATE_LIMIT_REQUESTS"], config["RATE_LIMIT_DURATION"]) == (6000, 5)
    assert (config["SHOAL_ORIGIN"], config["SHOAL_SECRET_KEY"], config["SHOAL_FLOWER_AUTH"]) == (ORIGIN, "***", "***")
    assert "db.example" in config["DATABASE_URL"]
    assert [text for text in (secret, "pa55") if text in answer.text] == []


def test_what_is_changed_holds_without_a_restart(server: Server, owner: Person) -> None:
    answer = change(server, owner, MAX_RATE_LIMIT_REQUESTS=100, rate_limit_duration=1, MAX_USERS=0)

    keys = ["MAX_USERS", "MAX_RATE_LIMIT_REQUESTS", "RATE_LIMIT_DURATION"]
    assert answer.json == {
        "status_code": 200,
        "message": "Runtime config updated",
        "updated_keys": keys,
        "restart_required_keys": [],
        "restart_required": False,
        "affected_keys": keys,
    }
    config = server.call("POST", CONFIG, person=owner).json["runtime_config"]
    assert [config[key] for key in keys] == [None, 100, 1]


SENSELESS: list[dict[str, Any]] = [
    {"SHOAL_SECRET_KEY": "x" * 40},
    {"SHOAL_LOG_LEVEL": "debug", "MAX_USERS": 3},
    {"NO_SUCH_SETTING": 1},
    {"SERVER_NAME": "by the back door"},
    {"MAX_RATE_LIMIT_REQUESTS": 0},
    {"MAX_USERS": 3, "RATE_LIMIT_DURATION": "long"},
    {"MAX_MESSAGE_LENGTH": [1]},
    {f"KEY_{number}": 1 for number in range(101)},
]


def test_a_setting_that_cannot_be_changed_is_refused_with_all_the_rest(server: Server, owner: Person) -> None:
    with changes_nothing(server):
        answers = [change(server, owner, **settings) for settings in SENSELESS]

    taken = [given for given, answer in zip(SENSELESS, answers, strict=True) if answer.status_code != 400]
    assert taken == []
    assert all(isinstance(answer.json["detail"], str) for answer in answers)
