"""Custom emoji: of a conference, or of the whole server (contracts/punctum.md, 1.10)."""

from __future__ import annotations

from tests.facades.conftest import Person
from tests.facades.punctum.conftest import Client, Shown, is_refused

IMAGE = "https://cdn.example/a.png"


def test_emoji_of_a_conference(client: Client, owner: Person, member: Person, conference: Shown) -> None:
    path = f"/conferences/{conference['id']}/emoji"
    emoji = client.make(path, owner, shortcode="anchor", image=IMAGE, note="Iron")

    assert emoji["parent_conference"] == conference["id"]
    assert client.listed(path, None) == [emoji["id"]]
    assert client.get(f"/emoji/{emoji['id']}", None) == emoji
    assert client.patch(f"/emoji/{emoji['id']}", owner, shortcode="buoy")["shortcode"] == "buoy"
    for method in ("PATCH", "DELETE"):
        assert is_refused(client.call(method, f"/emoji/{emoji['id']}", member, json={"note": "x"}), 403, 3)
    assert client.ok("DELETE", f"/emoji/{emoji['id']}", owner) == {"id": emoji["id"]}
    assert client.listed(path, None) == []


def test_shortcodes_are_unique_in_their_conference(client: Client, owner: Person, conference: Shown) -> None:
    other = client.conference(owner)
    for space in (conference, other):
        client.make(f"/conferences/{space['id']}/emoji", owner, shortcode="anchor", image=IMAGE)
    again = client.call(
        "POST", f"/conferences/{conference['id']}/emoji", owner, json={"shortcode": "anchor", "image": IMAGE}
    )
    assert is_refused(again, 400, 7)
    buoy = client.make(f"/conferences/{other['id']}/emoji", owner, shortcode="buoy", image=IMAGE)
    assert is_refused(client.call("PATCH", f"/emoji/{buoy['id']}", owner, json={"shortcode": "anchor"}), 400, 7)


def test_emoji_of_the_server_are_its_admins(client: Client, owner: Person, member: Person) -> None:
    emoji = client.make("/emoji", owner, shortcode="anchor", image=IMAGE)

    assert "parent_conference" not in emoji
    assert is_refused(client.call("POST", "/emoji", member, json={"shortcode": "buoy", "image": IMAGE}), 403, 3)
    assert is_refused(client.call("PATCH", f"/emoji/{emoji['id']}", member, json={"note": "x"}), 403, 3)
    assert is_refused(client.call("DELETE", f"/emoji/{emoji['id']}", member), 403, 3)
    assert client.ok("DELETE", f"/emoji/{emoji['id']}", owner) == {"id": emoji["id"]}
