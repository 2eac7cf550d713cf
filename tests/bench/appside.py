"""The benchmark's hand inside an installation: a process beside a running server, with the server's settings.

It reads a command as JSON in each line and prints the answer in one. What it prepares goes through the application's
own code, without the parts that a benchmark cannot wait for: a password's hash and a new RSA key for every account.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from activitypub.fetch import Document
from activitypub.keys import generate_rsa, private_key_to_der, public_key_to_multikey, public_key_to_pem
from app.actions import accounts
from app.actions.keys import RSA
from app.actions.passwords import hash_password
from app.actions.remote_actors import save_actor
from app.actions.tokens import open_session
from app.db import reading, transaction
from app.ids import new_id
from app.models import Actor, Channel, Delivery, Message, MessageContent, SearchTerms
from app.pipeline import compose, submit
from app.process import prepare
from app.projections import actors, follows
from app.queries.actors import ACCEPTED, find_any, get_by_id
from app.queries.messages import Content, encode_content
from app.queries.search import search_terms
from app.queries.viewers import Viewer
from app.sealing import seal_row
from app.services.broker import HintSender
from app.settings import current, load_settings
from app.uris import Uris
from tests.bench.peer import actor_document
from tests.bench.plan import PASSWORD

_BATCH = 20_000


def people(count: int) -> list[str]:
    """So many accounts, all with one password and one RSA key; the ids of their actors."""
    password_hash = hash_password(PASSWORD)
    key = generate_rsa()
    ids = []
    for number in range(count):
        ids.append(accounts._register(f"member{number}", password_hash))
        _give_key(ids[-1], key)
    return ids


def tokens(actor_ids: list[str]) -> list[str]:
    """A new login session for each; its access token."""
    with transaction() as session:
        return [open_session(session, actor_id).access_token for actor_id in actor_ids]


def history(channel_id: str, author_id: str, count: int) -> None:
    """Fill a channel with messages, in few statements and without activities."""
    for start in range(0, count, _BATCH):
        _fill(channel_id, author_id, min(_BATCH, count - start))


def _fill(channel_id: str, author_id: str, count: int) -> None:
    uris, now = Uris(current().origin), datetime.now(UTC)
    with transaction() as session:
        last = session.execute(
            update(Channel)
            .where(Channel.actor_id == channel_id)
            .values(head=Channel.head + count)
            .returning(Channel.head)
        ).scalar_one()
        rows, contents, terms = [], [], []
        for number in range(count):
            message_id, position = new_id("msg"), last - count + number + 1
            rows.append(
                {
                    "id": message_id,
                    "uri": uris.message(message_id),
                    "author_id": author_id,
                    "channel_id": channel_id,
                    "position": position,
                    "audience": "public",
                    "published_at": now - timedelta(seconds=count - number),
                }
            )
            text = f"message {number} of a channel with a long history"
            content = encode_content(Content(text=text, html=f"<p>{text}</p>"))
            contents.append({"message_id": message_id, "sealed": seal_row(session, channel_id, message_id, content)})
            terms.append({"message_id": message_id, "terms": search_terms(channel_id, position, text)})
        session.execute(insert(Message), rows)
        session.execute(insert(MessageContent), contents)
        session.execute(insert(SearchTerms), terms)


def follow(channel_id: str, hosts: list[str]) -> None:
    """Have somebody on each of these remote hosts follow the channel."""
    pem = public_key_to_pem(generate_rsa().public_key())
    for host in hosts:
        uri = f"https://{host}/users/reader"
        with reading() as session:
            is_known = find_any(session, uri) is not None
        if not is_known:
            save_actor(Document(actor_document(uri, key_id=f"{uri}#main-key", pem=pem), uri, uri))
    with transaction() as session:
        channel = get_by_id(session, channel_id)
        for reader in _readers(session, hosts):
            activity_uri = f"{reader.uri}#follow"
            follows.put(session, reader, channel, state=ACCEPTED, activity_uri=activity_uri, now=datetime.now(UTC))


def unfollow(channel_id: str, hosts: list[str]) -> None:
    with transaction() as session:
        for reader in _readers(session, hosts):
            follows.remove(session, reader.id, channel_id)


def queue(channel_id: str, author_id: str, messages: int) -> None:
    """Write messages whose deliveries stay queued, because no worker is told."""
    with reading() as session:
        author = get_by_id(session, author_id)
    viewer = Viewer(author.id, author.uri, author.preferred_username)
    for number in range(messages):
        submit(compose.channel_message(viewer, channel_id, f"message {number} to everybody elsewhere"))


def hint() -> None:
    """Tell the workers of every host with a queue, over a new connection: the broker may be another since."""
    with reading() as session:
        hosts = session.scalars(select(Delivery.host).where(Delivery.state == "queued").distinct()).all()
    sender = HintSender(current().broker_url)
    for host in hosts:
        sender.hint("deliver", host)
    sender.close()


COMMANDS: dict[str, Callable[..., list[str] | None]] = {
    command.__name__: command for command in (people, tokens, history, follow, unfollow, queue, hint)
}


def _give_key(actor_id: str, key: RSAPrivateKey) -> None:
    """Before a worker makes it one of its own, or else not."""
    with suppress(IntegrityError), transaction() as session:
        actor = get_by_id(session, actor_id)
        actors.add_key(
            session,
            actor,
            key_id=f"{actor.uri}#main-key",
            kind=RSA,
            public=public_key_to_multikey(key.public_key()),
            private=private_key_to_der(key),
            now=datetime.now(UTC),
        )


def _readers(session: Session, hosts: list[str]) -> list[Actor]:
    return list(session.scalars(select(Actor).where(Actor.host.in_(hosts)).order_by(Actor.host)))


def main() -> None:
    prepare(load_settings())
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        print(json.dumps(COMMANDS[request["command"]](**request["arguments"])), flush=True)


if __name__ == "__main__":
    main()
