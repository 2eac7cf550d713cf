"""Collections: whole and page by page, and in each only what the asker may see."""

from __future__ import annotations

from activitypub import build
from activitypub.documents import parse_activity
from activitypub.vocabulary import PUBLIC
from app.pipeline import Outcome
from tests.answers import refusal
from tests.facades.conftest import ORIGIN
from tests.facades.federation.conftest import World
from tests.facades.federation.paging import items, pages, pin, said_in, short_pages
from tests.facades.federation.remote import RemoteActor, path_of

__all__ = ["short_pages"]

# Outboxes.


def test_an_outbox_shows_each_asker_what_that_asker_may_see(world: World) -> None:
    general, staff = world.channel("general"), world.channel("staff", is_private=True)
    world.follow(world.zoe, world.actor(general).uri)
    world.admit(staff, world.zoe)
    world.say(world.alice, general, "to all")
    world.say(world.alice, staff, "to staff")
    world.tell(world.alice, world.zoe, "to zoe")
    world.tell(world.alice, world.mallory, "to mallory")
    world.submit(build.block(actor=world.actor(world.alice.id).uri, object=world.mallory.uri))
    neighbour = world.meet(RemoteActor("https://peer.example/users/yann"))
    outbox = f"/ap/users/{world.alice.id}/outbox"

    seen = {
        asker.uri if asker else "": said_in(world, outbox, asker)
        for asker in (None, neighbour, world.zoe, world.peer, world.mallory, world.evil)
    }

    assert seen == {
        "": ["to all"],
        neighbour.uri: ["to all"],
        world.zoe.uri: ["to zoe", "to staff", "to all"],
        world.peer.uri: ["to zoe", "to staff", "to all"],
        world.mallory.uri: ["to mallory", "to all"],
        world.evil.uri: ["to mallory", "to all"],
    }
    assert {item["type"] for item in items(world, outbox, world.mallory)} == {"Create"}


def test_who_is_banned_loses_the_private_part_of_an_outbox(world: World) -> None:
    staff = world.channel("staff", is_private=True)
    world.admit(staff, world.zoe)
    world.say(world.alice, staff, "to staff")
    world.say(world.alice, world.channel("general"), "to all")
    world.ban(world.zoe)

    for asker in (world.zoe, world.peer):
        assert said_in(world, f"/ap/users/{world.alice.id}/outbox", asker) == ["to all"]


def test_what_an_outbox_lists_can_be_read_and_what_can_be_read_in_a_place_is_listed(world: World) -> None:
    """The rule over many places is the rule for one, for every asker at every place."""
    lake = [world.meet(RemoteActor(f"https://lake.example/groups/{name}", "Group")) for name in ("open", "closed")]
    askers = [world.zoe, world.peer, world.mallory, world.evil, *lake]
    askers += [world.meet(RemoteActor("https://lake.example/users/yann"))]
    askers += [world.meet(RemoteActor("https://lake.example/actor", "Application"))]
    done = done_everywhere(world, *lake)

    seen = {asker.uri if asker else "": seen_by(world, done, asker) for asker in (None, *askers)}
    world.ban(world.zoe)
    after_the_ban = [seen_by(world, done, asker) for asker in (world.zoe, world.peer)]

    public = {"to all", "to an open channel elsewhere"}
    zoe_sees = public | {"a pin", "to staff", "to zoe"}
    assert seen == {
        "": public,
        "https://peer.example/users/zoe": zoe_sees,
        "https://peer.example/actor": zoe_sees,
        "https://evil.example/users/mallory": public | {"to mallory"},
        "https://evil.example/actor": public | {"to mallory"},
        "https://lake.example/groups/open": public,
        "https://lake.example/groups/closed": public | {"to a closed channel elsewhere"},
        "https://lake.example/users/yann": public,
        "https://lake.example/actor": public | {"to a closed channel elsewhere"},
    }
    assert after_the_ban == [public | {"to zoe"}] * 2


def done_everywhere(world: World, *groups: RemoteActor) -> dict[str, Outcome]:
    """What alice did at each kind of place: zoe is a member everywhere, mallory nowhere. An open and a closed Group."""
    alice, zoe = world.alice, world.zoe
    general, gone, staff = world.channel("general"), world.channel("gone"), world.channel("staff", is_private=True)
    for channel in (general, gone, staff):
        world.admit(channel, zoe)
    open_, closed = (world.join_elsewhere(alice, group, is_open=group is groups[0]) for group in groups)
    for group in groups:
        world.receive(group, group.activity("Add", zoe.uri, target=f"{group.uri}/followers"))
    done = {
        "to all": world.say(alice, general, "to all"),
        "to staff": world.say(alice, staff, "to staff"),
        "to zoe": world.tell(alice, zoe, "to zoe"),
        "to mallory": world.tell(alice, world.mallory, "to mallory"),
        "to an open channel elsewhere": world.say(alice, open_, "hello"),
        "to a closed channel elsewhere": world.say(alice, closed, "hello"),
        "in a channel that is gone": world.say(alice, gone, "hello"),
        "regretted": world.say(alice, staff, "regret"),
    }
    done["a pin"] = pin(world, general, done["to all"])
    world.edit(alice, done["to staff"], "to the staff")
    world.delete(alice, done["regretted"])
    world.delete_channel(gone)
    return done


def seen_by(world: World, done: dict[str, Outcome], asker: RemoteActor | None) -> set[str]:
    """What is readable for the asker, which is what alice's outbox lists for it."""
    listed = {item["id"] for item in items(world, f"/ap/users/{world.alice.id}/outbox", asker)}
    readable = {what for what, act in done.items() if world.get(path_of(act.uri), asker).status_code == 200}
    assert {what for what, act in done.items() if act.uri in listed} == readable
    assert all(world.get(path_of(uri), asker).status_code == 200 for uri in listed)
    return readable


def test_who_is_only_named_reads_what_no_outbox_lists(world: World) -> None:
    """In another server's closed channel, a reaction is told to its Group and to the author of the message."""
    den = RemoteActor("https://lake.example/groups/den", "Group")
    yann = world.meet(RemoteActor("https://lake.example/users/yann"))
    world.join_elsewhere(world.alice, den, is_open=False)
    note = yann.note(to=[den.uri], audience=den.uri)
    world.receive(yann, yann.activity("Create", note, to=[den.uri]))
    alice = world.actor(world.alice.id).uri

    liked = world.submit(build.like(actor=alice, object=note["id"], to=[yann.uri, den.uri]))

    assert [world.get(path_of(liked.uri), who).status_code for who in (yann, den, world.zoe)] == [200, 200, 404]
    listed = [{item["id"] for item in items(world, f"/ap/users/{world.alice.id}/outbox", who)} for who in (yann, den)]
    assert [liked.uri in found for found in listed] == [False, True]


def test_an_outbox_is_counted_for_strangers_and_leads_to_its_first_page(world: World) -> None:
    general = world.channel("general")
    world.tell(world.alice, world.zoe, "to zoe")
    for number in range(3):
        world.say(world.alice, general, f"message {number}")
    outbox = f"{ORIGIN}/ap/users/{world.alice.id}/outbox"

    root = world.get(path_of(outbox)).json

    assert (root["id"], root["type"], root["totalItems"]) == (outbox, "OrderedCollection", 3)
    assert root["first"] == f"{outbox}?page=1"
    assert "orderedItems" not in root
    assert world.get(f"{path_of(outbox)}?limit=2").json["first"] == f"{outbox}?page=1&limit=2"


def test_pages_of_an_outbox_lead_to_one_another_and_tell_nothing_of_what_is_hidden(world: World) -> None:
    general = world.channel("general")
    for number in range(5):
        world.say(world.alice, general, f"message {number}")
        for _ in range(3):
            world.tell(world.alice, world.zoe, "hidden")
    outbox = f"{ORIGIN}/ap/users/{world.alice.id}/outbox"

    for asker in (None, world.mallory):
        found = list(pages(world, f"{outbox}?page=1&limit=2", asker))
        texts = [[item["object"]["source"]["content"] for item in page["orderedItems"]] for page in found]
        assert texts == [["message 4", "message 3"], ["message 2", "message 1"], ["message 0"]]
        assert [page.get("prev") for page in found] == [
            None,
            f"{outbox}?page=1&limit=2",
            f"{outbox}?page=2&limit=2",
        ]
    assert [len(page["orderedItems"]) for page in pages(world, f"{outbox}?page=1", world.zoe)] == [20]


def test_a_page_that_cannot_be_is_a_mistake(world: World) -> None:
    pages = [f"page={page}" for page in ("0", "-1", "a", "", "1.5", "%C2%B2", "9" * 40, "%00")]
    limits = [f"limit={size}" for size in ("0", "101", "-1", "a", "", "9" * 40)]
    mistakes = dict.fromkeys(pages, "page must be >= 1")
    mistakes |= dict.fromkeys([*limits, *(f"page=1&{limit}" for limit in limits)], "limit must be between 1 and 100")

    for query, detail in mistakes.items():
        answer = world.get(f"/ap/users/{world.alice.id}/outbox?{query}")
        assert (query, answer.status_code, answer.json) == (query, *refusal(400, detail))


def test_a_page_past_the_end_is_empty(world: World) -> None:
    outbox = f"{ORIGIN}/ap/users/{world.alice.id}/outbox"

    page = world.get(f"{path_of(outbox)}?page=999999999999&limit=100").json

    assert (page["orderedItems"], "next" in page) == ([], False)


def test_a_page_is_kept_by_caches_for_strangers_alone(world: World) -> None:
    outbox = f"/ap/users/{world.alice.id}/outbox?page=1"

    assert world.get(outbox).headers["Cache-Control"] == "public, max-age=60"
    assert world.get(outbox, world.zoe).headers["Cache-Control"] == "private, no-store"
    assert world.send(world.zoe.get(outbox, signer=world.mallory.sign)).status_code == 401


def test_a_channel_s_outbox_holds_what_it_announced(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    said = world.say(world.alice, channel, "hello")

    announced = [item["object"] for item in items(world, f"/ap/channels/{channel}/outbox")]

    assert announced[0] == f"{ORIGIN}/ap/messages/{said.found['message_id']}"
    assert (announced[1]["id"], announced[1]["type"]) == (said.uri, "Create")


def test_what_was_deleted_or_taken_back_is_no_longer_in_an_outbox(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    regretted = world.say(world.alice, channel, "regret")
    kept = world.say(world.alice, channel, "kept")
    like = world.submit(
        build.like(
            actor=world.actor(world.alice.id).uri,
            object=f"{ORIGIN}/ap/messages/{kept.found['message_id']}",
            to=[world.actor(channel).uri, PUBLIC],
        )
    )
    assert like.uri in {item["id"] for item in items(world, f"/ap/users/{world.alice.id}/outbox")}
    world.delete(world.alice, regretted)
    done = parse_activity(world.last_activity("Like", world.actor(world.alice.id).uri))
    world.submit(build.undo(actor=world.actor(world.alice.id).uri, object=done))

    for owner in (f"users/{world.alice.id}", f"channels/{channel}"):
        answer = world.get(f"/ap/{owner}/outbox?page=1&limit=100")
        assert "regret" not in answer.text
        assert like.uri not in {item["id"] for item in answer.json["orderedItems"]}
    assert said_in(world, f"/ap/users/{world.alice.id}/outbox") == ["kept"]


# Followers and following.


def test_followers_are_paged_both_ways(world: World) -> None:
    channel = world.channel("general")
    names = [f"member{number}" for number in range(7)]
    for name in names:
        world.follow(world.meet(RemoteActor(f"https://peer.example/users/{name}")), world.actor(channel).uri)
    uris = [f"https://peer.example/users/{name}" for name in names]
    followers = f"{ORIGIN}/ap/channels/{channel}/followers"

    root = world.get(path_of(followers)).json
    forwards = list(pages(world, root["first"]))
    backwards = list(pages(world, forwards[-1]["prev"], along="prev"))

    assert (root["totalItems"], root["first"]) == (7, f"{followers}?page=true")
    assert [page["orderedItems"] for page in forwards] == [uris[:3], uris[3:6], uris[6:]]
    assert [page["orderedItems"] for page in backwards] == [uris[3:6], uris[:3]]
    assert "prev" not in forwards[0]
    assert "next" not in forwards[-1]
    assert [page["next"] for page in backwards] == [forwards[2]["id"], forwards[1]["id"]]


def test_a_full_last_page_leads_nowhere(world: World) -> None:
    channel = world.channel("general")
    for number in range(3):
        world.follow(world.meet(RemoteActor(f"https://peer.example/users/m{number}")), world.actor(channel).uri)

    [page] = pages(world, f"{ORIGIN}/ap/channels/{channel}/followers?page=true")

    assert len(page["orderedItems"]) == 3


def test_a_cursor_that_was_tampered_with_does_no_harm(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    foreign = {"0": 200, "user_" + "0" * 26: 200, "follow_" + "z" * 26: 200}
    broken = dict.fromkeys(["", "a", "%00", "follow_%00", "1' OR '1'='1", "user_1", "x" * 5000], 400)

    for cursor, status in (foreign | broken).items():
        for name in ("after", "before"):
            answer = world.get(f"/ap/channels/{channel}/followers?page=true&{name}={cursor}")
            assert answer.status_code == status
            assert set(answer.json.get("orderedItems", [])) <= {world.zoe.uri}


def test_a_cursor_of_a_private_channel_shows_nothing_of_it(world: World) -> None:
    general, staff = world.channel("general"), world.channel("staff", is_private=True)
    for number in range(4):
        world.admit(staff, world.meet(RemoteActor(f"https://peer.example/users/m{number}")))
    world.follow(world.zoe, world.actor(general).uri)
    member = RemoteActor("https://peer.example/users/m0")
    cursor = world.get(f"/ap/channels/{staff}/followers?page=true", member).json["next"].rpartition("=")[2]

    page = world.get(f"/ap/channels/{general}/followers?after={cursor}").json

    assert set(page["orderedItems"]) <= {world.zoe.uri}


def test_who_one_follows_is_told_but_not_of_which_private_channel_one_is(world: World) -> None:
    alice = world.actor(world.alice.id).uri
    world.channel("staff", is_private=True)
    world.meet(RemoteActor("https://peer.example/users/yann"))
    world.submit(build.follow(actor=alice, object=world.known(world.zoe).uri))
    world.receive(world.zoe, world.zoe.activity("Accept", world.last_activity("Follow", alice)))
    following = f"/ap/users/{world.alice.id}/following"

    assert items(world, following) == [world.home, world.zoe.uri]
    assert world.get(following).json["totalItems"] == 2
    assert items(world, following, world.zoe) == [world.home, world.zoe.uri]


def test_a_follow_that_waits_for_its_answer_is_not_one(world: World) -> None:
    alice = world.actor(world.alice.id).uri
    world.submit(build.follow(actor=alice, object=world.known(world.zoe).uri))

    assert items(world, f"/ap/users/{world.alice.id}/following") == [world.home]


def test_the_members_of_a_private_channel_are_told_to_its_members(world: World) -> None:
    channel = world.channel("staff", is_private=True)
    world.admit(channel, world.zoe)
    followers = f"/ap/channels/{channel}/followers"

    for asker in (world.zoe, world.peer):
        assert set(items(world, followers, asker)) == {world.actor(world.alice.id).uri, world.zoe.uri}
    unknown = world.get("/ap/channels/channel_00000000000000000000000000/followers", world.mallory)
    for name in ("followers", "following", "featured", "outbox", "messages"):
        for query in ("", "?page=1"):
            answers = [
                world.get(f"/ap/channels/{channel}/{name}{query}", asker) for asker in (None, world.mallory, world.evil)
            ]
            assert [(answer.status_code, answer.data) for answer in answers] == [(404, unknown.data)] * 3
            assert world.get(f"/ap/channels/{channel}/{name}{query}", world.zoe).status_code == 200


def test_a_page_costs_as_many_queries_as_any_other(world: World) -> None:
    channel = world.channel("general")
    world.follow(world.zoe, world.actor(channel).uri)
    for number in range(10):
        world.say(world.alice, channel, f"message {number}")
    paths = [f"/ap/users/{world.alice.id}/outbox?page=1", f"/ap/channels/{channel}/messages?page=true"]
    paths += [f"/ap/channels/{channel}/{name}" for name in ("followers", "followers?page=true", "outbox", "featured")]

    for path in paths:
        world.get(path)
        with world.counted_queries() as queries:
            assert world.get(path).status_code == 200
        assert len(queries) <= 3, queries
