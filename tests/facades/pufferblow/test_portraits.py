"""Avatars and banners: what is taken, what is kept, and who is told."""

from __future__ import annotations

import itertools
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from app.db import reading
from app.models import Actor, AuditEntry
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.pufferblow.files import get, set_portrait, upload
from tests.media.pictures import SECRET, animation, gif, picture, two_in_one
from tests.media.test_parts import MANY


def profile(server: Server, person: Person) -> dict[str, Any]:
    shown: dict[str, Any] = server.call("POST", "/api/v1/users/profile", person=person).json["user_data"]
    return shown


def actor_document(server: Server, path: str) -> dict[str, Any]:
    answer = server.call("GET", path, headers={"Accept": "application/activity+json"})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json
    return document


def set_servers(server: Server, person: Person, what: str, data: bytes, *, field: str | None = None) -> Any:
    form = {field or what: (BytesIO(data), "s.png")}
    return server.call("POST", f"/api/v1/system/upload-{what}", person=person, data=form)


_REFUSED = [
    ("me.txt", picture(), "File extension 'txt' not allowed. Allowed: png, jpg, jpeg, gif, webp"),
    ("me.svg", b"<svg/>", "File extension 'svg' not allowed. Allowed: png, jpg, jpeg, gif, webp"),
    ("me.png", b"hello", "Invalid image file"),
    ("me.png", b"8BPS\0\1" + bytes(100), "Invalid image file"),
    ("me.png", picture()[:80], "Invalid image file"),
    ("me.png", b"x" * (5 * 2**20 + 1), "File size exceeds maximum of 5MB"),
    ("me.png", picture(size=(2049, 1)), "Image dimensions too large. Max allowed: 2048x2048"),
    ("me.gif", gif(*[1] * 501), "Invalid image file: too many frames"),
    ("me.gif", gif(1, 6000), "Invalid image file"),
    ("me.jpg", MANY["scans"], "Invalid image file: too many parts"),
    ("", b"", "file: required."),
]
_SAID = {"avatar": ("Avatar", "icon"), "banner": ("Banner", "image")}


def test_a_portrait_is_shown_here_and_told_elsewhere(server: Server, owner: Person, member: Person) -> None:
    data = picture("JPEG", orientation=6)
    for what, (name, property_) in _SAID.items():
        answer = set_portrait(server, member, what, "/home/bob/me.jpg", data)

        assert answer.status_code == 201, answer.text
        url = answer.json[f"{what}_url"]
        assert answer.json == {
            "status_code": 201,
            "message": f"{name} uploaded successfully",
            f"{what}_url": url,
            "duplicate_status": "new",
        }
        assert url.startswith("/storage/")
        served = server.call("GET", url)
        assert SECRET not in served.data
        with Image.open(BytesIO(served.data)) as image:
            assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (20, 40), {})
        assert profile(server, member)[f"{what}_url"] == url
        assert profile(server, member)[f"{what}_kind"] == "image"
        document = actor_document(server, f"/ap/users/{member.id}")
        assert document[property_] == {"type": "Image", "url": ORIGIN + url}
        assert set_portrait(server, member, what, "me.jpg", data).json == {
            "status_code": 201,
            "message": f"{name} updated via existing file (duplicate detected)",
            f"{what}_url": url,
            "duplicate_status": "existing",
        }


def test_messages_show_their_authors_pictures(server: Server, owner: Person) -> None:
    channel_id = str(server.create_channel(owner)["channel_id"])
    avatar = set_portrait(server, owner, "avatar", "a.png", picture()).json["avatar_url"]
    banner = set_portrait(server, owner, "banner", "b.png", picture(size=(80, 20))).json["banner_url"]

    sent = server.send(owner, channel_id, "hi")

    assert (sent["sender_avatar_url"], sent["sender_banner_url"]) == (avatar, banner)
    document = actor_document(server, f"/ap/users/{owner.id}")
    assert (document["icon"]["url"], document["image"]["url"]) == (ORIGIN + avatar, ORIGIN + banner)


def test_an_avatar_may_move(server: Server, owner: Person) -> None:
    url = set_portrait(server, owner, "avatar", "me.gif", animation()).json["avatar_url"]

    with Image.open(BytesIO(get(server, url).data)) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("GIF", 3)


def test_what_is_no_portrait_is_refused_and_nobody_is_told(server: Server, owner: Person) -> None:
    for what, (name, data, detail) in itertools.product(("avatar", "banner"), _REFUSED):
        with server.stores_nothing():
            answer = set_portrait(server, owner, what, name, data)

        assert (answer.status_code, answer.json["detail"]) == (400, detail)
        assert profile(server, owner)[f"{what}_url"] is None


def test_what_telephones_make_is_a_jpeg_like_any_other(server: Server, owner: Person, member: Person) -> None:
    avatar = set_portrait(server, member, "avatar", "me.jpg", two_in_one())
    file = upload(server, owner, "IMG_1.JPG", two_in_one(), directory="images")

    assert [avatar.status_code, file.status_code] == [201, 201], file.text
    for url in (avatar.json["avatar_url"], file.json["url"]):
        served = server.call("GET", url, person=owner)
        assert (served.status_code, served.mimetype) == (200, "image/jpeg")
        assert SECRET not in served.data


def test_a_picture_that_is_here_may_be_used_by_its_address(server: Server, owner: Person, member: Person) -> None:
    url = set_portrait(server, owner, "avatar", "a.png", picture()).json["avatar_url"]
    path = "/api/v1/users/profile/avatar"

    answer = server.call("POST", path, person=member, data={"avatar_url": url})

    assert (answer.status_code, answer.json["avatar_url"]) == (201, url)
    assert profile(server, member)["avatar_url"] == url
    with server.stores_nothing():
        for wrong in ("https://example.org/a.png", "/storage/" + "0" * 64, "javascript:alert(1)"):
            assert server.call("POST", path, person=member, data={"avatar_url": wrong}).status_code == 400
    assert profile(server, member)["avatar_url"] == url


@pytest.mark.parametrize("what", ["avatar", "banner"])
def test_the_servers_own_pictures_are_its_staffs(server: Server, owner: Person, member: Person, what: str) -> None:
    with server.stores_nothing():
        refused = set_servers(server, member, what, picture())
        assert set_servers(server, owner, what, b"no picture").status_code == 400
        assert set_servers(server, owner, what, picture(), field="file").status_code == 400
    assert refused.status_code == 403

    answer = set_servers(server, owner, what, picture())

    url = answer.json[f"{what}_url"]
    assert answer.status_code == 201
    assert answer.json == {
        "status_code": 201,
        "message": f"Server {what} uploaded successfully",
        f"{what}_url": url,
    }
    info = server.call("GET", "/api/v1/system/server-info").json["server_info"]
    assert info[f"{what}_url"] == url
    property_ = {"avatar": "icon", "banner": "image"}[what]
    assert actor_document(server, "/ap/instance")[property_]["url"] == ORIGIN + url
    assert set_servers(server, owner, what, picture()).json[f"{what}_url"] == url, "known bytes are no trouble"
    with reading() as session:
        kinds = session.scalars(select(AuditEntry.type).where(AuditEntry.type.startswith("server_"))).all()
        names = session.scalars(select(Actor.name).where(Actor.id == "0")).all()
    assert set(kinds) == {f"server_{what}_updated"}
    assert names == ["chat.example"], "nothing else of it changed"
