"""Reports of anything, by whoever may read it, to the moderators (contracts/punctum.md, 1.9)."""

from __future__ import annotations

from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused


def test_everything_that_may_be_reported(
    client: Client, server: Server, owner: Person, member: Person, conference: Shown, channel: Shown
) -> None:
    mine = client.join(owner, conference, member)
    c = conference["id"]
    reported = {
        f"/accounts/{owner.id}": owner.id,
        f"/conferences/{c}": c,
        f"/channels/{channel['id']}": channel["id"],
        f"/messages/{(said := client.send(owner, channel)['id'])}": said,
        f"/roles/{(role := client.role(owner, conference)['id'])}": role,
        f"/invites/{(invite := client.make('/invites', owner, conference_id=c)['id'])}": invite,
        f"/conferences/{c}/members/{mine['id']}": mine["id"],
    }
    for path, target in reported.items():
        report = client.ok("POST", f"{path}/report", member, {"note": "spam"}, status=201)
        assert report["object_type"] == "report"
        assert (report["target"], report["note"], report["creator"]) == (target, "spam", member.id), path
        again = client.ok("POST", f"/id/{target}/report", member, status=201)
        assert again["id"] == report["id"], "It is reported already."
    told = server.call("POST", "/api/v1/moderation/reports", person=owner)
    assert told.status_code == 200
    assert report["id"] in told.text


def test_what_is_not_reported(client: Client, server: Server, owner: Person, member: Person, channel: Shown) -> None:
    message = client.send(owner, channel)
    report = client.make("/reports", owner, target=member.id)
    with server.stores_nothing():
        assert is_refused(client.call("POST", "/id/0/report", member), 400, 5)
        assert is_refused(client.call("POST", f"/id/{report['id']}/report", owner), 400, 5)
        assert is_refused(client.call("POST", f"/id/{report['id']}/report", member), 403, 3)
        assert is_refused(client.call("POST", f"/messages/{message['id']}/report", member), 403, 3)
        assert is_refused(client.call("POST", "/reports", member, json={"target": message["id"]}), 404, 9)
        assert is_refused(client.call("POST", f"/roles/{member.id}/report", member), 400, 5)


def test_who_reads_a_report(client: Client, server: Server, owner: Person, member: Person) -> None:
    report = client.make("/reports", member, target=owner.id, note="rude")
    path = f"/reports/{report['id']}"
    carol, moderator = server.sign_up("carol"), server.sign_up("mona")
    server.give_role(moderator, "moderator")

    assert client.get(path, member) == client.get(path, moderator) == client.get(path, owner) == report
    assert is_refused(client.call("GET", path, carol), 403, 3)
    about = client.make("/reports", member, target=moderator.id, note="rude")
    assert is_refused(client.call("GET", f"/reports/{about['id']}", moderator), 403, 3)
    assert is_refused(client.call("GET", path), 401, 3)
    assert is_refused(client.call("PATCH", path, member, json={"note": "kind"}), 400, 6)
    assert client.patch(path, member, **report) == report
    assert is_refused(client.call("DELETE", path, member), 403, 3)


def test_whose_bot_is_reported_neither_learns_of_it_nor_closes_it(
    client: Client, server: Server, owner: Person, member: Person
) -> None:
    moderator = server.sign_up("mona")
    server.give_role(moderator, "moderator")
    gull = client.make("/accounts", moderator, username="gull")["id"]
    report = client.make("/reports", member, target=gull, note="rude")
    listed, closed = "/api/v1/moderation/reports", f"/api/v1/moderation/reports/{report['id']}/resolve"

    seen = server.call("POST", listed, person=moderator).json
    assert (seen["reports"], seen["total"]) == ([], 0)
    assert is_refused(client.call("GET", f"/reports/{report['id']}", moderator), 403, 3)
    assert server.call("POST", closed, person=moderator, json={"action": "dismiss"}).status_code == 404
    assert [one["id"] for one in server.call("POST", listed, person=owner).json["reports"]] == [report["id"]]
    assert server.call("POST", closed, person=owner, json={"action": "warn"}).status_code == 200
