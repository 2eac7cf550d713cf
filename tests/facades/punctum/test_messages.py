"""Messages: sent, listed, edited, answered, reacted to, pinned and deleted (contracts/punctum.md, 1.6 and 2.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.db import transaction
from app.models import Message
from app.queries import replies
from app.sealing import link_key
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.pufferblow.files import attached
from tests.facades.punctum.conftest import Client, Shown, is_refused

URL = "https://cdn.example/a.png"


@pytest.fixture
def lobby(server: Server, owner: Person) -> Shown:
    """A channel of the home conference."""
    return {"id": server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))}


def _create_private(server: Server, owner: Person, member: Person) -> str:
    """The id of a channel of theirs alone."""
    place: str = server.create_channel(owner, channel_name="plans", is_private=True)["channel_id"]
    added = {"to_add_user_id": member.id}
    server.call("PUT", f"/api/v1/channels/{place}/add_user", person=owner, query_string=added)
    return place


def _history(server: Server, person: Person, channel: Shown) -> list[dict[str, Any]]:
    """As the other protocol shows it."""
    answer = server.call("GET", f"/api/v1/channels/{channel['id']}/load_messages", person=person)
    messages: list[dict[str, Any]] = answer.json["messages"]
    return messages


def test_what_either_protocol_sends_the_other_shows(
    client: Client, server: Server, owner: Person, member: Person, lobby: Shown
) -> None:
    ours = client.send(member, lobby, "from here")
    theirs = server.send(owner, lobby["id"], "from there")

    assert {one["message_id"]: one["message"] for one in _history(server, member, lobby)} == {
        ours["id"]: "from here",
        theirs["message_id"]: "from there",
    }
    assert client.listed(f"/channels/{lobby['id']}/messages", member) == [ours["id"], theirs["message_id"]]
    shown = client.get(f"/messages/{theirs['message_id']}", member)
    assert (shown["content"], shown["author"], shown["parent_channel"]) == ("from there", owner.id, lobby["id"])
    client.patch(f"/messages/{ours['id']}", member, content="changed here")
    client.ok("DELETE", f"/messages/{theirs['message_id']}", owner)
    assert [one["message"] for one in _history(server, member, lobby)] == ["changed here"]


def test_paging(client: Client, owner: Person, channel: Shown) -> None:
    ids = [client.send(owner, channel, str(number))["id"] for number in range(5)]
    path = f"/channels/{channel['id']}/messages"

    def page(**query: Any) -> list[str]:
        listed: list[str] = client.call("GET", path, owner, query_string=query).json["id_list"]
        return listed

    assert page() == ids
    assert page(message_count=2) == ids[3:]
    assert page(before_message=ids[3], message_count=2) == ids[1:3]
    assert page(after_message=ids[1], message_count=2) == ids[2:4]
    assert page(after_message=ids[0], before_message=ids[4]) == ids[1:4]
    assert page(after_message=ids[0], before_message=ids[4], message_count=2) == ids[1:3]
    assert page(after_message=ids[4]) == page(before_message=ids[0]) == []
    assert page(message_count=1000) == ids
    in_body = client.call("GET", path, owner, json={"message_count": 1})
    assert in_body.json["id_list"] == ids[4:]


def test_pages_that_are_none(client: Client, owner: Person, conference: Shown, channel: Shown) -> None:
    elsewhere = client.send(owner, client.channel(owner, conference, name="pier"))["id"]
    told = {
        "message_count=0": (400, 7),
        "message_count=-1": (400, 7),
        "message_count=many": (400, 7),
        "message_count=": (400, 7),
        "message_count=1&message_count=100": (400, 7),
        "before_message=msg_nothing": (404, 9),
        "after_message=%00": (404, 9),
        f"before_message={channel['id']}": (400, 10),
        f"after_message={elsewhere}": (400, 8),
    }
    for query, (status, code) in told.items():
        answer = client.call("GET", f"/channels/{channel['id']}/messages?{query}", owner)
        assert is_refused(answer, status, code), query


def test_by_time(client: Client, owner: Person, channel: Shown) -> None:
    old, new = (client.send(owner, channel, text)["id"] for text in ("old", "new"))
    with transaction() as session:
        back = datetime.now(UTC) - timedelta(minutes=30)
        session.execute(update(Message).where(Message.id == old).values(published_at=back))
    path = f"/channels/{channel['id']}/messages/by-time"

    assert client.listed(f"{path}/29", owner) == [new]
    assert client.listed(f"{path}/31", owner) == [old, new]
    assert client.listed(f"{path}/0", owner) == []
    assert client.listed(f"{path}/{'9' * 40}", owner) == [old, new]
    for minutes in ("soon", "-1", "1.5", "%D9%A1"):
        assert is_refused(client.call("GET", f"{path}/{minutes}", owner), 400, 5), minutes


def test_edits(client: Client, owner: Person, channel: Shown) -> None:
    message = client.send(owner, channel, "one")
    path = f"/messages/{message['id']}"
    unchanged = client.patch(path, owner, content="one")
    assert unchanged == message

    edited = client.patch(path, owner, content="two")
    assert edited["edited"] is True
    assert edited["edit_date"] >= message["post_date"] == edited["post_date"]
    attached = client.patch(path, owner, attached_files=[URL])
    assert (attached["content"], attached["attached_files"]) == ("two", [URL])
    assert attached["edit_date"] > edited["edit_date"]


def test_who_was_put_out_has_no_address_of_a_file_that_still_opens(
    client: Client, server: Server, owner: Person, member: Person
) -> None:
    place = _create_private(server, owner, member)
    attached(server, owner, place, ("plan.txt", b"the secret plan"))
    [id_] = client.listed(f"/channels/{place}/messages", member)
    found = [
        client.get(f"/channels/{place}/messages", member)[id_],
        client.get(f"/channels/{place}/messages/by-time/5", member)[id_],
        client.get(f"/messages/{id_}", member),
        client.get(f"/id/{id_}", member),
        client.ok("POST", "/stash/request", member, {"id_list": [id_]})[id_],
    ]
    [[url], *others] = [one["attached_files"] for one in found]
    path = url.removeprefix(ORIGIN)
    assert others == [[url]] * 4
    assert "?" not in url
    assert server.call("GET", path, person=member).data == b"the secret plan"

    removed = {"to_remove_user_id": member.id}
    server.call("DELETE", f"/api/v1/channels/{place}/remove_user", person=owner, query_string=removed)

    assert [server.call("GET", path, person=asker).status_code for asker in (member, None)] == [404, 404]


def test_a_file_stays_what_it_is_beside_what_is_attached_later(client: Client, server: Server, owner: Person) -> None:
    place = server.create_channel(owner, is_private=True)["channel_id"]
    [before] = attached(server, owner, place, ("plan.txt", b"the plan"))
    [id_] = client.listed(f"/channels/{place}/messages", owner)
    [url] = client.get(f"/messages/{id_}", owner)["attached_files"]

    edited = client.patch(f"/messages/{id_}", owner, attached_files=[url, URL])

    assert edited["attached_files"] == [url, URL]
    [said] = _history(server, owner, {"id": place})
    assert said["attachments"][0] == before


def test_a_file_that_is_no_longer_attached_is_gone(
    client: Client, server: Server, owner: Person, member: Person
) -> None:
    place = _create_private(server, owner, member)
    attached(server, owner, place, ("plan.txt", b"the secret plan"), ("map.txt", b"the map"))
    [id_] = client.listed(f"/channels/{place}/messages", member)
    plan, map_ = client.get(f"/messages/{id_}", member)["attached_files"]
    with_key = f"{plan}?key={link_key(plan.rpartition('/')[2].partition('.')[0])}"

    def found(url: str, asker: Person | None) -> int:
        return int(server.call("GET", url.removeprefix(ORIGIN), person=asker).status_code)

    client.patch(f"/messages/{id_}", owner, content="Look.")
    assert [found(plan, member), found(with_key, None), found(map_, member)] == [200, 200, 200]
    client.patch(f"/messages/{id_}", owner, attached_files=[map_])

    assert [found(plan, member), found(with_key, None), found(plan, owner), found(map_, member)] == [404, 404, 404, 200]


@pytest.mark.parametrize("carried", [{"attached_files": [URL]}, {"embeds": [{"embed_title": "x", "embed_type": 2}]}])
def test_no_text_is_needed_where_something_is_attached(
    client: Client, owner: Person, channel: Shown, carried: dict[str, Any]
) -> None:
    for body in ({"content": "", **carried}, carried):
        message = client.make(f"/channels/{channel['id']}/messages", owner, **body)
        assert message["content"] == ""
        assert {key: message[key] for key in carried} == carried
        assert client.get(f"/messages/{message['id']}", owner) == message
    assert is_refused(client.call("POST", f"/channels/{channel['id']}/messages", owner, json={"content": ""}), 400, 7)


def test_content_is_kept_byte_for_byte(client: Client, owner: Person, channel: Shown) -> None:
    for text in (
        "  two  spaces\n\n",
        "<b>x</b> & <@id>",
        "a\r\nb\tc",
        "e\u0301 \U0001f9dc\u200d\u2640\ufe0f",
        "`<script>`",
    ):
        message = client.send(owner, channel, text)
        assert client.get(f"/messages/{message['id']}", owner)["content"] == text


def test_replies(client: Client, owner: Person, conference: Shown, channel: Shown) -> None:
    first, second = client.send(owner, channel), client.send(owner, channel)
    reply = client.send(owner, channel, "aye", reply_to=first["id"])

    assert reply["reply_to"] == first["id"]
    assert client.get(f"/messages/{first['id']}", owner)["replies"] == [reply["id"]]
    moved = client.patch(f"/messages/{reply['id']}", owner, reply_to=second["id"])
    assert moved["reply_to"] == second["id"]
    assert "replies" not in client.get(f"/messages/{first['id']}", owner)
    assert client.get(f"/messages/{second['id']}", owner)["replies"] == [reply["id"]]
    assert "reply_to" not in client.patch(f"/messages/{reply['id']}", owner, reply_to=None)
    elsewhere = client.send(owner, client.channel(owner, conference, name="pier"))
    refused = client.call("PATCH", f"/messages/{reply['id']}", owner, json={"reply_to": elsewhere["id"]})
    assert is_refused(refused, 400, 8)


def test_of_very_many_replies_the_newest_are_listed_of_each_message(
    client: Client, owner: Person, conference: Shown, channel: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "MOST", 2)
    first, second = client.send(owner, channel), client.send(owner, channel)
    sent = [client.send(owner, channel, "aye", reply_to=first["id"])["id"] for _ in range(4)]
    other = client.send(owner, channel, "aye", reply_to=second["id"])["id"]

    assert client.get(f"/messages/{first['id']}", owner)["replies"] == sent[2:]
    assert client.get(f"/messages/{second['id']}", owner)["replies"] == [other]
    client.call("DELETE", f"/messages/{sent[3]}", owner)
    assert client.get(f"/messages/{first['id']}", owner)["replies"] == sent[1:3]


def test_reacting_and_taking_it_back(
    client: Client, server: Server, owner: Person, member: Person, lobby: Shown
) -> None:
    path = f"/messages/{client.send(owner, lobby)['id']}"

    def react(person: Person, reaction: str) -> list[str]:
        listed: list[str] = client.ok("POST", f"{path}/react", person, {"reaction": reaction})["reactions"]
        return listed

    assert react(owner, "thumbs_up") == ["thumbs_up"]
    assert react(member, "thumbs_up") == ["thumbs_up", "thumbs_up"]
    assert react(member, "tada") == ["thumbs_up", "thumbs_up", "party_popper"]
    assert react(owner, "thumbs_up") == ["thumbs_up", "party_popper"]
    [told] = _history(server, member, lobby)
    assert {one["emoji"]: one["count"] for one in told["reactions"]} == {"\U0001f44d": 1, "\U0001f389": 1}
    for wrong in ("", "a b", ":", "x" * 65, 7):
        assert is_refused(client.call("POST", f"{path}/react", owner, json={"reaction": wrong}), 400, 7), wrong


def test_patched_reactions_are_ones_own_toggles(
    client: Client, server: Server, owner: Person, member: Person, lobby: Shown
) -> None:
    """Contracts/punctum.md, 6, H-36."""
    path = f"/messages/{client.send(owner, lobby)['id']}"
    client.ok("POST", f"{path}/react", owner, {"reaction": "tada"})

    assert client.patch(path, member, reactions=["tada", "thumbs_up"])["reactions"] == ["party_popper", "thumbs_up"]
    assert client.patch(path, member, reactions=["party_popper", "party_popper", "thumbs_up"])["reactions"] == [
        "party_popper",
        "thumbs_up",
        "party_popper",
    ]
    with server.stores_nothing():
        for forged in (
            [],
            ["thumbs_up"],
            ["party_popper"] * 4,
            ["party_popper", "party_popper", "thumbs_up", "thumbs_up"],
        ):
            assert is_refused(client.call("PATCH", path, member, json={"reactions": forged}), 403, 3), forged
    assert client.patch(path, member, reactions=["party_popper"])["reactions"] == ["party_popper"]
    assert "reactions" not in client.patch(path, owner, reactions=None)


def test_pins(client: Client, owner: Person, member: Person, conference: Shown, channel: Shown) -> None:
    client.join(owner, conference, member)
    path = f"/messages/{client.send(member, channel)['id']}"
    assert is_refused(client.call("PATCH", path, member, json={"pinned": True}), 403, 3)

    assert client.patch(path, owner, pinned=True)["pinned"] is True
    assert client.get(path, member)["pinned"] is True
    assert "pinned" not in client.patch(path, owner, pinned=False)


def test_deleting(client: Client, owner: Person, member: Person, conference: Shown, channel: Shown) -> None:
    client.join(owner, conference, member)
    own, others = client.send(member, channel), client.send(owner, channel, reply_to=None)
    reply = client.send(owner, channel, "aye", reply_to=own["id"])
    assert is_refused(client.call("DELETE", f"/messages/{others['id']}", member), 403, 3)

    assert client.ok("DELETE", f"/messages/{own['id']}", member) == {"id": own["id"]}

    assert is_refused(client.call("GET", f"/messages/{own['id']}", member), 404, 4)
    assert is_refused(client.call("DELETE", f"/messages/{own['id']}", member), 404, 4)
    assert client.listed(f"/channels/{channel['id']}/messages", member) == [others["id"], reply["id"]]


def test_a_page_takes_as_many_statements_however_long_it_is(
    client: Client, server: Server, owner: Person, member: Person, channel: Shown
) -> None:
    path = f"/channels/{channel['id']}/messages"

    def count() -> int:
        with server.counted_queries() as statements:
            assert client.call("GET", f"{path}?message_count=50", owner).status_code == 200
        return len(statements)

    def fill(number: int) -> None:
        first = client.send(owner, channel, attached_files=[URL])
        for _ in range(number):
            message = client.send(owner, channel, reply_to=first["id"])
            client.ok("POST", f"/messages/{message['id']}/react", owner, {"reaction": "tada"})
            client.patch(f"/messages/{message['id']}", owner, pinned=True)

    fill(1)
    few = count()
    fill(9)
    assert count() == few
