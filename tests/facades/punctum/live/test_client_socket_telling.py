"""What client sockets are told, and what they are not: on gunicorn, as in service."""

from __future__ import annotations

from contextlib import ExitStack

from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat, Process
from tests.facades.punctum.live.clients import Client, Conference, deletion, ids
from tests.facades.punctum.live.conftest import Open

# Messages.


def test_message_is_told_whole_whenever_it_changes(chat: Chat, open_socket: Open, alice: Person, bob: Person) -> None:
    space = Conference(chat, alice, bob)
    ears = [open_socket(alice), open_socket(alice), open_socket(bob)]

    message = space.say(bob, "quack")
    chat.call("POST", f"/api/v1/messages/{message}/react", alice, reaction="duck")
    chat.call("PATCH", f"/api/v1/messages/{message}", bob, content="Quack!")
    chat.call("PATCH", f"/api/v1/messages/{message}", alice, pinned=True)
    chat.call("POST", f"/api/v1/messages/{message}/react", alice, reaction="duck")
    seen = chat.call("GET", f"/api/v1/messages/{message}", bob)
    chat.call("DELETE", f"/api/v1/messages/{message}", bob)

    for ear in ears:
        news = ear.news(chat)
        assert news[-1] == deletion(message)
        assert set(ids(news)) == {message, "-" + message}
        assert {one["parent_channel"] for one in news[:-1]} == {space.channel}
    told = ears[0].heard
    contents = [one["content"] for one in told if one.get("id") == message]
    assert contents[0] in ("quack", "Quack!")  # As it is when it is told, which may be after the next change.
    assert contents[-1] == seen["content"] == "Quack!"


def test_both_families_hear_each_other(chat: Chat, open_socket: Open, alice: Person, bob: Person) -> None:
    pufferblow, punctum = chat.connect(alice), open_socket(bob)

    said = chat.send(alice, chat.lobby, "by PufferBlow")
    heard = punctum.wait_for("object", object_type="message", content="by PufferBlow")
    answer = punctum.ask("POST", chat.lobby, {"object_type": "message", "content": "by Punctum"})

    assert (heard["id"], heard["author"], heard["parent_channel"]) == (said["message_id"], alice.id, chat.lobby)
    assert pufferblow.wait_for("message", message="by Punctum")["message_id"] == answer["id"]
    assert punctum.wait_for("object", content="by Punctum") == answer
    pufferblow.sock.close()


def test_neither_family_is_told_in_the_words_of_the_other(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    pufferblow, punctum = chat.connect(bob), open_socket(bob)

    space = Conference(chat, alice, bob)
    space.say(alice, "quack")
    chat.call("POST", f"{space.path}/leave", bob)
    [before] = chat.fence(pufferblow)

    assert {one["type"] for one in punctum.news(chat)} <= {"object", "stash", "ping"}
    assert {one["type"] for one in before} <= {"message", "channel_created", "user_status_changed"}
    pufferblow.say({"type": "ping"})  # It is still open: nobody left the server.
    assert pufferblow.wait_for("pong")
    pufferblow.sock.close()


def test_stranger_hears_nothing_of_a_conference(
    chat: Chat, open_socket: Open, alice: Person, bob: Person, carol: Person
) -> None:
    stranger, pufferblow = open_socket(carol), chat.connect(carol)

    space = Conference(chat, alice, bob)
    message = space.say(bob, "quack")
    role = space.make_role("drake", 143)
    space.change_member(bob, roles=[role], nickname="Bobby")
    chat.call("PATCH", f"/api/v1/channels/{space.channel}", alice, name="rushes")
    chat.call("PATCH", space.path, alice, name="Lake")
    chat.call("DELETE", f"/api/v1/messages/{message}", bob)
    chat.call("DELETE", f"/api/v1/channels/{space.channel}", alice)
    chat.call("DELETE", f"{space.path}/roles/{role}", alice)
    chat.call("DELETE", f"{space.path}/members/{bob.id}", alice)
    chat.call("DELETE", space.path, alice)

    assert stranger.news(chat) == []
    [before] = chat.fence(pufferblow)
    assert [one for one in before if one["type"] != "user_status_changed" and one.get("channel_id") != chat.lobby] == []
    pufferblow.sock.close()


def test_conversation_is_told_before_its_first_message(
    chat: Chat, open_socket: Open, alice: Person, bob: Person, carol: Person
) -> None:
    ears, stranger = [open_socket(alice), open_socket(bob)], open_socket(carol)

    made = ears[0].ask("POST", data={"object_type": "channel", "channel_type": "direct_message", "members": [bob.id]})
    said = ears[0].ask("POST", made["id"], {"object_type": "message", "content": "psst"})

    for ear in ears:
        news = ear.news(chat)
        assert news[0] == made
        assert news[-1] == said
    assert stranger.news(chat) == []


def test_direct_message_of_pufferblow_makes_a_channel_here(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    client = open_socket(bob)

    for text in ("psst", "hello?"):
        chat.call("POST", "/api/v1/dms/send", alice, peer=bob.username, message=text)

    channel, *messages = client.news(chat)
    assert (channel["channel_type"], set(channel["members"])) == ("direct_message", {alice.id, bob.id})
    assert [one["content"] for one in messages] == ["psst", "hello?"]
    assert {one["parent_channel"] for one in messages} == {channel["id"]}


def test_group_is_told_to_those_who_are_in_it(
    chat: Chat, open_socket: Open, alice: Person, bob: Person, carol: Person
) -> None:
    dave = chat.sign_up("dave")
    ears, leaver, newcomer = [open_socket(alice), open_socket(bob)], open_socket(carol), open_socket(dave)
    made = {"channel_type": "direct_message", "members": [bob.id, carol.id]}
    group = chat.call("POST", "/api/v1/channels", alice, **made)
    path = f"/api/v1/channels/{group['id']}"
    said = chat.call("POST", f"{path}/messages", bob, content="before")
    assert [ids(ear.news(chat))[0] for ear in (*ears, leaver)] == [group["id"]] * 3
    assert newcomer.news(chat) == []

    everybody = chat.call("PATCH", path, bob, members=[*group["members"], dave.id])["members"]
    chat.call("PATCH", path, carol, members=[id_ for id_ in everybody if id_ != carol.id])
    chat.call("PATCH", path, alice, name="Crew")
    later = chat.call("POST", f"{path}/messages", alice, content="after")
    chat.call("POST", f"/api/v1/messages/{said['id']}/react", bob, reaction="tada")

    for ear in (*ears, newcomer):
        news = ear.news(chat)
        assert ids(news) == [*[group["id"]] * 3, later["id"], said["id"]]
        assert carol.id not in news[2]["members"]
        assert news[2]["name"] == "Crew"
    told = leaver.news(chat)
    assert told[-1] == deletion(group["id"])
    assert later["id"] not in ids(told)


# Conferences.


def test_whoever_joins_is_told_of_the_conference_and_the_others_of_them(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice)
    second = space.make_channel("rushes")
    owner, joining = open_socket(alice), open_socket(bob)

    space.let_in(bob)
    space.say(alice, "welcome")

    member = space.member(bob)
    news = joining.news(chat)
    assert news[0] == chat.call("GET", space.path, bob)
    assert news[1]["joined_conferences"][space.id] == member
    assert [news[2]["id"], set(news[3]["id_list"])] == [member, {space.channel, second}]
    assert news[4]["content"] == "welcome"
    assert ids(owner.news(chat))[0] == member


def test_conference_is_told_with_the_keys_of_each_reader(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    hidden = space.make_channel("secret", permissions=0)
    owner, member = open_socket(alice), open_socket(bob)

    chat.call("PATCH", space.path, alice, name="Lake")

    [seen], [told] = member.news(chat), owner.news(chat)
    assert (seen, told) == (chat.call("GET", space.path, bob), chat.call("GET", space.path, alice))
    assert (hidden in seen["channels"], hidden in told["channels"]) == (False, True)
    assert ("roles" in seen, "roles" in told) == (False, True)


def test_leaving_and_being_put_out_deletes_the_member_and_the_conference(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    owner, client = open_socket(alice), open_socket(bob)
    for method, path, by in (
        ("POST", f"{space.path}/leave", bob),
        ("DELETE", f"{space.path}/members/{bob.id}", alice),
    ):
        member = space.member(bob)
        chat.call(method, path, by)
        space.say(alice, "without them")

        news = client.news(chat)
        assert news[:2] == [deletion(member), deletion(space.id)]
        assert [one["id"] for one in news[2:]] == [bob.id]
        assert space.id not in news[2]["joined_conferences"]
        assert owner.news(chat)[0] == deletion(member)
        space.let_in(bob)
        client.news(chat)
        owner.news(chat)


def test_banned_member_hears_nothing_more_and_the_others_see_the_ban(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    member = space.member(bob)
    owner, client = open_socket(alice), open_socket(bob)

    space.change_member(bob, banned=True)
    space.say(alice, "without them")
    chat.call("PATCH", space.path, alice, name="Lake")

    assert ids(client.news(chat)) == ["-" + member, "-" + space.id, bob.id]
    assert owner.news(chat)[0] == {
        "id": member, "type": "object", "object_type": "conference_member", "banned": True, "permissions": 0
    }  # fmt: skip


def test_deleted_conference_is_told_to_those_who_were_in_it(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    ears = [open_socket(alice), open_socket(bob)]

    chat.call("DELETE", space.path, alice)

    assert [ids(ear.news(chat)) for ear in ears] == [["-" + space.id]] * 2


def test_roles_emoji_and_invites_are_told_to_whom_they_concern(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    owner, member = open_socket(alice), open_socket(bob)

    role = space.make_role("drake", 143)
    invite = chat.call("POST", f"{space.path}/invites", alice)["id"]
    emoji = chat.call("POST", f"{space.path}/emoji", alice, shortcode="duck", image="https://x.example/d.png")["id"]
    for path in (f"roles/{role}", f"invites/{invite}"):
        chat.call("PATCH", f"{space.path}/{path}", alice, name="drakes" + path[-6:])
        chat.call("DELETE", f"{space.path}/{path}", alice)
    chat.call("DELETE", f"/api/v1/emoji/{emoji}", alice)

    assert set(ids(owner.news(chat))) >= {"-" + role, "-" + invite, "-" + emoji}
    assert set(ids(member.news(chat))) - {role, emoji} == {"-" + role, "-" + emoji}


# Rights.


def test_change_of_a_role_counts_from_the_next_event_on(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    hidden = space.make_channel("secret", permissions=0)
    role, client = space.make_role("drake", 143), open_socket(bob)

    space.say(alice, "not for bob", channel=hidden)
    space.change_member(bob, roles=[role])
    space.say(alice, "for bob", channel=hidden)
    gained = client.news(chat)
    chat.call("PATCH", f"/api/v1/roles/{role}", alice, permissions=0)
    space.say(alice, "not for bob any more", channel=hidden)
    lost = client.news(chat)

    member = space.member(bob)
    assert [one.get("content") for one in gained if one.get("object_type") == "message"] == ["for bob"]
    assert ids(gained)[:2] == [member, hidden]
    assert set(ids(lost)) == {role, "-" + hidden, "-" + space.channel}


def test_to_see_a_channel_is_less_than_to_read_it(chat: Chat, open_socket: Open, alice: Person, bob: Person) -> None:
    space = Conference(chat, alice, bob)
    client = open_socket(bob)

    chat.call("PATCH", f"/api/v1/channels/{space.channel}", alice, permissions=1)
    space.say(alice, "not for bob")
    seen = client.news(chat)
    chat.call("PATCH", f"/api/v1/channels/{space.channel}", alice, permissions=0)
    gone = client.news(chat)
    chat.call("PATCH", f"/api/v1/channels/{space.channel}", alice, permissions=None)
    back = client.news(chat)

    assert [ids(seen), gone, ids(back)] == [[space.channel], [deletion(space.channel)], [space.channel]]
    assert seen[0]["permissions"] == 1


def test_default_of_the_conference_decides_where_nothing_else_does(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    kept, client = space.make_channel("kept", permissions=143), open_socket(bob)

    chat.call("PATCH", space.path, alice, permissions=0)
    lost = client.news(chat)
    chat.call("PATCH", space.path, alice, permissions=143)
    back = client.news(chat)

    assert ids(lost) == [space.id, "-" + space.channel]
    assert lost[0]["channels"] == [kept]
    assert ids(back) == [space.id, space.channel]


def test_private_channel_of_the_home_conference_comes_and_goes(chat: Chat, open_socket: Open, bob: Person) -> None:
    secret, client = chat.create_channel(is_private=True), open_socket(bob)

    chat.let_in(bob, secret)
    chat.send(chat.owner, secret, "psst")
    gained = client.news(chat)
    chat.put_out(bob, secret)
    chat.send(chat.owner, secret, "alone")
    lost = client.news(chat)

    assert [ids(gained)[0], gained[1]["content"], len(gained)] == [secret, "psst", 2]
    assert lost == [deletion(secret)]


def test_role_of_the_server_counts_here(chat: Chat, open_socket: Open, bob: Person) -> None:
    secret, client = chat.create_channel(is_private=True), open_socket(bob)
    path = f"/api/v1/system/users/{bob.id}/roles"

    chat.call("PUT", path, chat.owner, roles_ids=["moderator"])
    chat.send(chat.owner, secret, "psst")
    gained = client.news(chat)
    chat.call("PUT", path, chat.owner, roles_ids=["user"])
    lost = client.news(chat)

    assert {one["user_id"] for one in gained + lost if one.get("object_type") == "conference_member"} == {bob.id}
    assert secret in ids(gained)
    assert gained[-1]["content"] == "psst"
    assert "-" + secret in ids(lost)


def test_channel_is_told_from_its_making_to_its_end(chat: Chat, open_socket: Open, alice: Person, bob: Person) -> None:
    space = Conference(chat, alice, bob)
    client = open_socket(bob)

    channel = space.make_channel("rushes")
    chat.call("PATCH", f"/api/v1/channels/{channel}", alice, name="sedges")
    chat.call("DELETE", f"/api/v1/channels/{channel}", alice)
    open_one = chat.create_channel()

    news = client.news(chat)
    assert set(ids(news)) - {"-" + channel} <= {channel, open_one}
    assert [ids(news)[-2:], news[-1]["channel_type"]] == [["-" + channel, open_one], "text"]


# Accounts, and connections.


def test_account_is_told_to_all_and_with_its_own_keys_to_itself(
    chat: Chat, open_socket: Open, alice: Person, bob: Person
) -> None:
    own, other = open_socket(alice), open_socket(bob)

    chat.call("PATCH", "/api/v1/accounts/" + alice.id, alice, bio="A duck")
    chat.call("PATCH", "/api/v1/accounts/" + alice.id, alice, short_status=3)
    chat.call("POST", f"/api/v1/accounts/{bob.id}/block", alice)

    seen, told = other.news(chat), own.news(chat)
    assert [(one["bio"], one["short_status"]) for one in seen][-1] == ("A duck", 3)
    assert {one["id"] for one in seen} == {alice.id}
    assert not any("blocklist" in one for one in seen)
    assert told[-1]["blocklist"] == [bob.id]
    assert len(told) == len(seen) + 1


def test_nothing_is_replayed_and_every_process_tells(
    chat: Chat, far: Process, stack: ExitStack, alice: Person, bob: Person
) -> None:
    space = Conference(chat, alice, bob)
    space.say(alice, "before")

    client = stack.enter_context(Client(far.port, bob.bearer))
    client.ask("GET", "0")
    space.say(alice, "after")

    assert [one["content"] for one in client.news(chat)] == ["after"]
