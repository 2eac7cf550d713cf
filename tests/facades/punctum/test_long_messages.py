"""Messages that are very long: no request has so much of them be read at once that others have to wait."""

from __future__ import annotations

import pytest

from app.facades.punctum import channels
from app.queries import stretches
from tests.facades.conftest import Person
from tests.facades.punctum.conftest import Client, Shown, is_refused

LONG = 20_000


@pytest.fixture
def said(client: Client, owner: Person, channel: Shown, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five messages, of which two are no more than is read at once."""
    monkeypatch.setattr(stretches, "MOST_BYTES", 5 * LONG)
    return [client.send(owner, channel, f"{number}" + "x" * LONG)["id"] for number in range(5)]


def test_a_page_has_fewer_of_them_and_the_next_goes_on(
    client: Client, owner: Person, channel: Shown, said: list[str]
) -> None:
    path = f"/channels/{channel['id']}/messages"

    assert client.listed(path, owner) == said[3:]
    assert client.listed(f"{path}?before_message={said[3]}", owner) == said[1:3]
    assert client.listed(f"{path}?after_message={said[0]}", owner) == said[1:3]
    assert client.listed(f"{path}?before_message={said[1]}", owner) == said[:1]
    assert client.listed(f"{path}/by-time/5", owner) == said[3:]


def test_one_is_read_however_long_it_is(
    client: Client, owner: Person, channel: Shown, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "MOST_BYTES", 1)

    assert client.listed(f"/channels/{channel['id']}/messages", owner) == said[4:]
    assert client.ok("POST", "/stash/request", owner, {"id_list": said[:1]})["id_list"] == said[:1]


def test_a_stash_of_too_many_is_asked_for_in_parts(client: Client, owner: Person, said: list[str]) -> None:
    answer = client.call("POST", "/stash/request", owner, json={"id_list": said})

    assert is_refused(answer, 400, 11)
    assert not any(id_ in answer.text for id_ in said)
    assert client.ok("POST", "/stash/request", owner, {"id_list": said[:2]})["id_list"] == said[:2]


def test_by_time_looks_no_further_back_than_it_may_find(
    client: Client, owner: Person, channel: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not through all that was ever said, where nothing is as new as that."""
    monkeypatch.setattr(channels, "MAX_BY_TIME", 2)
    said = [client.send(owner, channel, f"message {number}")["id"] for number in range(7)]
    path = f"/channels/{channel['id']}/messages/by-time/5"
    assert client.listed(path, owner) == said[5:]

    for id_ in said[3:6]:
        client.ok("DELETE", f"/messages/{id_}", owner)
    assert client.listed(path, owner) == said[6:]
    client.ok("DELETE", f"/messages/{said[6]}", owner)
    assert client.listed(path, owner) == []
