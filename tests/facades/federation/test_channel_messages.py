"""A channel's collection of messages, page by page, and those pinned in it."""

from __future__ import annotations

from tests.answers import refusal
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World
from tests.facades.federation.paging import items, pages, pin, short_pages
from tests.facades.federation.remote import path_of

__all__ = ["short_pages"]


def test_a_channel_s_messages_are_paged_newest_first_both_ways(world: World) -> None:
    channel = world.channel("general")
    said = [world.say(world.alice, channel, f"message {number}") for number in range(8)]
    world.delete(world.alice, said[4])
    uris = [f"{ORIGIN}/ap/messages/{one.found['message_id']}" for one in said if one is not said[4]][::-1]
    collection = f"{ORIGIN}/ap/channels/{channel}/messages"

    root = world.get(path_of(collection)).json
    forwards = list(pages(world, root["first"]))
    backwards = list(pages(world, forwards[-1]["prev"], along="prev"))

    assert root["id"] == collection
    assert [page["orderedItems"] for page in forwards] == [uris[:3], uris[3:6], uris[6:]]
    assert [page["orderedItems"] for page in backwards] == [uris[3:6], uris[:3]]
    assert all(world.get(path_of(uri)).json["context"] == collection for uri in uris)


def test_messages_for_members_are_listed_for_members(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    to_all, to_members = (world.say(world.alice, channel, text) for text in ("to all", "to members"))
    world.mark_for_members(to_members)
    uris = [f"{ORIGIN}/ap/messages/{one.found['message_id']}" for one in (to_members, to_all)]
    messages, featured = f"/ap/channels/{channel}/messages", f"/ap/channels/{channel}/featured"
    for said in (to_members, to_all):
        pin(world, channel, said)

    assert items(world, messages) == items(world, messages, world.mallory) == uris[1:]
    assert items(world, messages, world.zoe) == items(world, messages, world.peer) == uris
    for asker, pinned in ((None, uris[1:]), (world.mallory, uris[1:]), (world.zoe, uris), (world.peer, uris)):
        answer = world.get(featured, asker)
        assert (answer.json["orderedItems"], answer.json["totalItems"]) == (pinned, len(pinned))
        assert answer.headers["Cache-Control"].startswith("public" if asker is None else "private")


def test_a_private_channel_s_messages_are_listed_for_its_members(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    said = world.say(world.alice, channel, "secret")

    for asker in (world.zoe, world.peer):
        found = items(world, f"/ap/channels/{channel}/messages", asker)
        assert found == [f"{ORIGIN}/ap/messages/{said.found['message_id']}"]


def test_a_position_that_cannot_be_is_a_mistake(world: World) -> None:
    channel = world.channel("general")

    for cursor in ("-1", "a", "", "9" * 30, "%00", "1.0", "true"):
        answer = world.get(f"/ap/channels/{channel}/messages?after={cursor}")
        assert (answer.status_code, answer.json) == refusal(400, "after must be a position in the collection")


def test_people_have_no_messages_collection(world: World) -> None:
    assert world.get(f"/ap/users/{world.alice.id}/messages").status_code == 404
    assert world.get(f"/ap/users/{world.alice.id}/featured").json["orderedItems"] == []
