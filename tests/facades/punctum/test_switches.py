"""What whoever runs the server chooses of the protocol: whether strangers may read, and what a nested POST answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.facades import pufferblow, punctum
from app.settings import configure, current
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server
from tests.facades.punctum.cast import Cast
from tests.facades.punctum.conftest import Client, Shown, is_refused
from tests.facades.punctum.routes import PUNCTUM

CONFIG = "/api/v1/system/runtime-config"
OPEN = {("GET", "/instance"), ("GET", "/federation/inbox")}


@pytest.fixture
def nested_posts_are_201(server: Server) -> Iterator[None]:
    settings = current()
    configure(replace(settings, nested_post_status=201))
    yield
    configure(settings)


def require_login(server: Server, admin: Person, *, is_required: bool) -> None:
    changed = {"settings": {"REQUIRE_LOGIN_TO_READ": is_required}}
    assert server.call("PUT", CONFIG, person=admin, json=changed).json["updated_keys"] == ["REQUIRE_LOGIN_TO_READ"]


# Reading without a login (contracts/punctum.md, 6, H-7).


@ON_SQLITE
def test_strangers_read_the_instance_alone_where_a_login_is_required(server: Server) -> None:
    cast = Cast(server)
    require_login(server, cast.people["founder"], is_required=True)
    reads = {key for key, row in PUNCTUM.items() if row.does == "read"}

    with server.stores_nothing():
        refused = {key for key in reads if is_refused_to_strangers(cast, *key)}
    assert reads - refused == OPEN
    assert [key for key in reads if cast.try_route("owner", *key).status_code == 401] == []


def is_refused_to_strangers(cast: Cast, method: str, path: str) -> bool:
    answer = cast.try_route("anonymous", method, path)
    return answer.status_code != 200 and is_refused(answer, 401, 3, "Authentication required")


@ON_SQLITE
def test_what_is_not_there_looks_to_them_like_what_is(server: Server) -> None:
    cast = Cast(server)
    require_login(server, cast.people["founder"], is_required=True)

    for path in ("/accounts/by-name/{}", "/invites/by-name/{}", "/id/{}", "/ids/{}", "/conferences/{}"):
        for name in ("croak", "come-in", cast.things["conferences"], "0", "msg_nothing"):
            assert is_refused(cast.ask("anonymous", "GET", path.format(name)), 401, 3, "Authentication required"), path
    for id_ in (cast.things["conferences"], "0", "msg_nothing"):
        assert is_refused(cast.ask("anonymous", "POST", "/stash/request", {"id_list": [id_]}), 401, 3)


@ON_SQLITE
def test_it_is_switched_on_and_off_while_the_server_runs(server: Server, owner: Person, member: Person) -> None:
    client, path = Client(server), f"/accounts/{owner.id}"

    assert client.call("GET", path).status_code == 200
    require_login(server, owner, is_required=True)
    assert is_refused(client.call("GET", path), 401, 3)
    assert client.call("GET", path, member).status_code == 200
    require_login(server, owner, is_required=False)
    assert client.call("GET", path).status_code == 200


@ON_SQLITE
def test_who_may_not_change_settings_does_not_switch_it(server: Server, owner: Person, member: Person) -> None:
    changed = {"settings": {"REQUIRE_LOGIN_TO_READ": True}}
    with server.stores_nothing():
        assert server.call("PUT", CONFIG, person=member, json=changed).status_code == 403
        assert server.call("PUT", CONFIG, person=owner, json={"settings": {"REQUIRE_LOGIN_TO_READ": []}}).json[
            "error_code"
        ]

    assert Client(server).call("GET", f"/accounts/{owner.id}").status_code == 200


@ON_SQLITE
def test_what_pufferblow_says_of_the_server_is_for_everybody_still(server: Server, owner: Person) -> None:
    """Clients show it before anybody signs in, and send no token (contracts/pufferblow.md, 11)."""
    public = [route for route in pufferblow.API.routes if not route.needs_viewer and route.params.model_fields == {}]
    before = {route.name: server.call(route.method, route.path).status_code for route in public}

    require_login(server, owner, is_required=True)

    assert "get_show_server_info" in before
    assert {route.name: server.call(route.method, route.path).status_code for route in public} == before


# What is made inside another object (contracts/punctum.md, 6, H-1).


@ON_SQLITE
@pytest.mark.parametrize("path", ["roles", "invites", "channels", "emoji", "messages"])
def test_a_nested_post_answers_200_and_says_where(client: Client, owner: Person, conference: Shown, path: str) -> None:
    assert _make_nested(client, owner, conference, path) == 200


@ON_SQLITE
@pytest.mark.usefixtures("nested_posts_are_201")
@pytest.mark.parametrize("path", ["roles", "invites", "channels", "emoji", "messages"])
def test_a_nested_post_answers_201_where_that_is_set(
    client: Client, owner: Person, conference: Shown, path: str
) -> None:
    assert _make_nested(client, owner, conference, path) == 201


def _make_nested(client: Client, owner: Person, conference: Shown, path: str) -> int:
    """The status; the address of what was made leads to it."""
    parent = f"/conferences/{conference['id']}"
    if path == "messages":
        channel = client.call("POST", f"{parent}/channels", owner, json={"name": "quay"})
        parent = f"/channels/{channel.json['id']}"
    body = {"name": "x1", "content": "x", "shortcode": "duck", "image": "https://pond.example/duck.png"}
    answer = client.call("POST", f"{parent}/{path}", owner, json=body, headers={"Origin": "https://client.example"})
    assert "Location" in answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert client.server.call("GET", answer.headers["Location"], person=owner).json["id"] == answer.json["id"]
    return int(answer.status_code)


@ON_SQLITE
@pytest.mark.usefixtures("nested_posts_are_201")
def test_only_what_is_new_is_201(client: Client, owner: Person, member: Person, conference: Shown) -> None:
    client.call("POST", f"/conferences/{conference['id']}/invites", owner, json={"name": "come-in"})

    assert client.call("POST", "/invites/by-name/come-in/join", member).status_code == 200
    assert client.call("POST", f"/accounts/{member.id}/block", owner).status_code == 200
    again = client.call("POST", f"/conferences/{conference['id']}/members", owner, json={"user_id": owner.id})
    assert (again.status_code, "Location" in again.headers) == (200, False)


@ON_SQLITE
@pytest.mark.usefixtures("nested_posts_are_201")
def test_the_document_says_so() -> None:
    paths = punctum.describe().paths

    makers = [route.path for route in punctum.ROUTES if route.makes and route.status == 200]
    assert makers
    for path in makers:
        assert {"200", "201"} <= paths[f"/api/v1{path}"]["post"]["responses"].keys()
