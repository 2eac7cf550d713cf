"""The numbers in the documents are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from activitypub import aliases, attachments, documents, properties, strict_json
from activitypub.fetch import client, connection, names
from activitypub.signatures.verification import WINDOW
from app.actions import accounts, pruning, tokens
from app.actions.delivery import schedule
from app.actions.delivery.turn import DEADLINE_SECONDS
from app.actions.inbox import queue, work
from app.effects.create.group import MAX_NAME
from app.effects.create.note import MAX_TEXT
from app.facades.federation import collections
from app.facades.pufferblow import sockets, telling
from app.live import connection as socket
from app.live import hub, writer
from app.pipeline import enqueue
from app.queries import hearers, queues, reactions, replies
from app.queries.accounts import MAX_LISTED
from app.queries.messages import MAX_PAGE
from app.queries.privileges import ALL_PRIVILEGES, DEFAULT_ROLE, ROLES
from app.settings import Settings
from app.web import bodies, fields, incoming, limiting
from tests.docs.markdown import read

README, CLIENTS, FEDERATION, PUNCTUM = "README.md", "docs/clients.md", "docs/federation.md", "docs/punctum.md"
MIB = 1 << 20


def said() -> Iterator[tuple[str, str]]:
    """(document, what it must say)."""
    yield README, f"({hub.SOCKETS_PER_USER} for each account, {hub.SOCKETS_PER_IP} for each network)"
    yield README, f"the token is good for {minutes(tokens.ACCESS_TTL)} minutes"
    yield CLIENTS, f"at most {bodies.MAX_BODY_BYTES // MIB} MiB, arrive within {bodies.BODY_SECONDS:.0f} seconds"
    yield CLIENTS, f"A form has at most {fields.MAX_FORM_FIELDS} fields"
    yield (
        CLIENTS,
        f"in chunks has {incoming.SMALL_CHUNKS:,} of them, and one more for each {incoming.LEAST_CHUNK_BYTES}",
    )
    yield CLIENTS, f"a JWT, good for {minutes(tokens.ACCESS_TTL)} minutes"
    yield CLIENTS, f"good once, within {tokens.REFRESH_TTL.days} days"
    yield CLIENTS, f"`messages_per_page`, 1 to {MAX_PAGE}, 20 if absent"
    yield CLIENTS, f"{MAX_LISTED} at most"
    yield CLIENTS, f"an `owner` has all {len(ALL_PRIVILEGES)}"
    yield CLIENTS, ", ".join(f"`{name}`" for name in sorted(ROLES[DEFAULT_ROLE].privileges))
    yield CLIENTS, f"**Passwords** have 1 to {accounts.MAX_PASSWORD_LENGTH} characters"
    yield CLIENTS, f"**Channel names** have 1 to {MAX_NAME} characters"
    yield CLIENTS, f"**Messages** have up to {MAX_TEXT:,} characters"
    yield CLIENTS, f"{hub.SOCKETS_PER_USER} sockets for an account or {hub.SOCKETS_PER_IP} for a network"
    yield CLIENTS, f"at most {socket.MESSAGE_BYTES_MAX // 1024} KiB; {rate(socket.MESSAGES_PER_SECOND)}"
    yield CLIENTS, f"{socket.MESSAGES_BURST:.0f} at once; presence and typing {rate(sockets.BROADCASTS_PER_SECOND)}"
    yield CLIENTS, f"a second, {sockets.BROADCASTS_BURST:.0f} at once."
    yield CLIENTS, f"more than {telling.MAX_MISSED:,} events were missed"
    yield CLIENTS, f"told {telling.MISSED_BURST:,.0f} again, and {telling.MISSED_PER_SECOND:.0f} more for each second"
    yield CLIENTS, f"pings every {writer.PING_SECONDS:.0f} seconds"
    yield CLIENTS, f"({writer.QUEUE_FRAMES_MAX} messages or {writer.QUEUE_BYTES_MAX // MIB} MiB waiting)"
    requests = Settings.from_env({}, None).rate_limit
    for kind, bucket in (("sign-in", "auth"), ("uploads", "uploads"), ("messages", "messages")):
        yield CLIENTS, f"| {kind} | {requests * limiting.BUCKETS[bucket]:,.0f} |"
    yield CLIENTS, f"the pages under `/auth` | {requests:,} |"
    yield CLIENTS, f"Of one account, {requests * limiting._ELSEWHERE:.0f} requests in five minutes"
    unknown, chosen = limiting._UNKNOWN_NAMES, limiting._CHOSEN_NAMES
    yield CLIENTS, f"{unknown.amount} names of invites that there are not end asking for any for a minute"
    yield CLIENTS, f"{chosen.amount} may be chosen for invites in {chosen.seconds // 60} minutes"
    yield PUNCTUM, f"{unknown.amount} names a minute that there are not, from one network"
    yield PUNCTUM, f"{chosen.amount} names that are chosen in {chosen.seconds // 60} minutes, from one network"
    yield CLIENTS, f"tried for {enqueue._MESSAGE_LIFE.days} days"
    yield FEDERATION, f"; {collections.PAGE_SIZE} a page"
    yield FEDERATION, f"at most {strict_json.MAX_DEPTH} deep"
    yield FEDERATION, f"within {minutes(WINDOW)} minutes of ours"
    yield FEDERATION, f"tried again after {listed(queue.RETRY_SECONDS)}, then dropped"
    yield FEDERATION, f"remembered for {pruning._INBOX_MEMORY.days} days"
    yield FEDERATION, f"goes out {enqueue._ANSWER_DELAY.total_seconds()} seconds later"
    yield FEDERATION, f"no answer in {DEADLINE_SECONDS:.0f} s"
    yield FEDERATION, f"wait {enqueue._MESSAGE_LIFE.days} days at most"
    yield FEDERATION, f"`Remove` {enqueue._RELATION_LIFE.days} days"
    yield FEDERATION, f"At most {queues.QUEUE_MAX:,} rows"
    yield FEDERATION, f"the first {hearers.MOST_INBOXES_OF_DOMAIN} inboxes of one [domain]"
    yield FEDERATION, f"a message has {reactions.MOST_BY_ONE}, of all of a domain {reactions.MOST_BY_DOMAIN:,}"
    yield PUNCTUM, f"`replies` (the newest {replies.MOST})"
    yield FEDERATION, f"about {queues.QUEUE_MAX:,} requests, or {queues.QUEUE_BYTES_MAX // MIB} MiB, of your [domain]"
    yield FEDERATION, f"| {bodies.MAX_BODY_BYTES // MIB} MiB |"
    yield FEDERATION, f"| {client.MAX_BYTES // MIB} MiB |"
    yield FEDERATION, f"| {bodies.BODY_SECONDS:.0f} s |"
    yield FEDERATION, f"| {client.DEADLINE_SECONDS:.0f} s; {names.LOOKUP_SECONDS:.0f} s for the name"
    yield FEDERATION, f"{connection.CONNECT_SECONDS:.0f} s for the connection"
    yield FEDERATION, f"{connection.HANDSHAKE_SECONDS:.0f} s for TLS; {client.MAX_REDIRECTS} redirects |"
    yield FEDERATION, f"| fetches for one activity | {work.MAX_FETCHES} |"
    yield FEDERATION, f"| {documents.MAX_RECIPIENTS}, {documents.MAX_TAGS}, {attachments.MAX_ATTACHMENTS} |"
    yield FEDERATION, f"| {MAX_TEXT:,} characters; longer ones"
    yield FEDERATION, f"of all that is read of one document | {aliases._MAX_KEYS:,}; one with more is ignored |"
    yield FEDERATION, f"| an id | {properties.MAX_URI} bytes |"


def test_the_documents_say_the_numbers_of_the_code() -> None:
    texts = {name: re.sub(r"\s+", " ", read(name)) for name in (README, CLIENTS, FEDERATION, PUNCTUM)}

    assert [(name, words) for name, words in said() if words not in texts[name]] == []


def test_the_waits_between_deliveries_are_those_of_the_schedule() -> None:
    (row,) = re.findall(r"^\| wait \| (.+) \|$", read(FEDERATION), re.MULTILINE)

    assert row.split(" | ") == [written(seconds) for seconds in schedule.WAITS_SECONDS[1:]]


def minutes(duration: timedelta) -> int:
    return int(duration.total_seconds()) // 60


def rate(per_second: float) -> str:
    return f"{per_second:.0f} a second"


def listed(seconds: tuple[int, ...]) -> str:
    *most, last = [written(number) for number in seconds]
    return f"{', '.join(most)} and {last}"


def written(seconds: int) -> str:
    """As the documents write durations."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
