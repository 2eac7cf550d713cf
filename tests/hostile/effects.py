"""The side effects that cases name: each looks at what a run left behind and says what is wrong."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, inspect, select

from app.db import Base
from app.models import Follow, Host, Message, Reaction
from tests.hostile import media, outcomes
from tests.hostile.arena import DEAD_ADDRESS, ERASED_TEXT, REMOTE_ADDRESS, SECRET_TEXT, Arena
from tests.hostile.cases import Json
from tests.hostile.remote import Asked
from tests.hostile.setups import direct_texts
from tests.hostile.snapshot import Snapshot, differences
from tests.hostile.spare import Spare
from tests.hostile.wire import Answer

Check = Callable[["Run", str], list[str]]

_ROW_CAP: Final = 520  # A message, its activity, and as many stored recipients as reliability.md, PAR-13 allows.
_ACTIVE: Final = re.compile(r"<script|<style|<svg|<math|onerror|javascript:|<img|data:text", re.IGNORECASE)
_PRIVATE_FIELD: Final = re.compile(r"(.*_)?(email|ip|ip_address|password|token)(_.*)?")


@dataclass(slots=True)
class Run:
    """What one request of a case, with its repeats, did."""

    arena: Arena
    case: Json
    before: Snapshot
    answers: list[Answer] = field(default_factory=list)
    after: Snapshot = field(default_factory=dict)
    asked: Sequence[Asked] = ()
    connects: Sequence[tuple[str, int]] = ()
    measured: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    source: str | None = None  # The address it comes from, where it is not this machine's usual one.

    @property
    def spare(self) -> Spare:
        """The arena of cases that need the second server."""
        assert isinstance(self.arena, Spare)
        return self.arena

    def send_raw(self, sent: bytes, *, is_all: bool = False) -> Answer:
        return self.arena.send_raw(sent, is_all=is_all, source=self.source)

    @property
    def changes(self) -> list[str]:
        return differences(self.before, self.after)

    @property
    def is_refused(self) -> bool:
        return all(answer.status >= 400 or answer.status == 0 for answer in self.answers)

    @property
    def fetches(self) -> int:
        """Requests that were answered, and connections that could not be made."""
        gets = sum(asked.method == "GET" for asked in self.asked)
        return gets + sum(address != REMOTE_ADDRESS for address, _ in self.connects)

    @property
    def strange_connects(self) -> list[str]:
        """Those to addresses that nobody may be led to."""
        allowed = {REMOTE_ADDRESS, DEAD_ADDRESS}
        return [
            f"{address}:{port}"
            for address, port in self.connects
            if (address not in allowed and not ipaddress.ip_address(address).is_global) or port != 443
        ]


def check(run: Run, name: str) -> list[str]:
    """What is wrong with the effect called that. Raises LookupError for a name nobody knows."""
    for pattern, checked in _CHECKS.items():
        match = re.fullmatch(pattern, name)
        if match:
            return checked(run, match[1] if match.re.groups else "")
    raise LookupError(f"no side effect is called {name!r}")


def _nothing(run: Run, _: str) -> list[str]:
    return run.changes


def _at_most_fetches(run: Run, bound: str) -> list[str]:
    return [] if run.fetches <= int(bound) else [f"{run.fetches} fetches: {[asked.url for asked in run.asked][:5]}"]


def _no_connects(run: Run, _: str) -> list[str]:
    # The worker may still be delivering to the remote what the case before led to, and delivers by POST.
    gets = [f"asked for {asked.url}" for asked in run.asked if asked.method == "GET"]
    return gets + [f"connected to {connect}" for connect in run.connects if connect[0] != REMOTE_ADDRESS]


def _no_strange_connects(run: Run, _: str) -> list[str]:
    return [f"connected to {connect}" for connect in run.strange_connects]


def _first_answer(run: Run, _: str) -> list[str]:
    fixture = next(value for name, value in run.case["dns_fixture"].items() if name != "mode")
    # The worker may still be talking to the remote of the case before, by another name than the rebound one.
    others = [address for address, _ in run.connects if address not in (fixture[0], REMOTE_ADDRESS)]
    return [f"connected to {address}, which was not checked" for address in others]


def _follower_absent(run: Run, _: str) -> list[str]:
    arena = run.arena
    uri = run.case["sent_body"]["id"]
    with arena.engine.connect() as connection:
        found = connection.execute(select(Follow.id).where(Follow.activity_uri == uri)).first()
    return [] if found is None else ["the follower is back"]


def _message_absent(run: Run, _: str) -> list[str]:
    uri = run.case["sent_body"]["object"]["id"]
    found = run.arena.find_message(uri)
    return [] if found is None or found.deleted_at is not None else [f"{uri} is there"]


def _content_of_t2(run: Run, _: str) -> list[str]:
    texts = direct_texts(run.arena, run.case["sent_body"]["actor"])
    found = [text for text in texts if "the text of T2" in text]
    return [] if found else [f"what is there: {texts[-3:]}"]


def _parent(run: Run, named: str) -> list[str]:
    """What was made says where it stands, and is found nowhere else."""
    [answer] = run.answers
    made = json.loads(answer.body)
    with run.arena.engine.connect() as connection:
        stands_in = connection.scalar(select(Message.channel_id).where(Message.id == made["id"]))
    expected = run.arena.words[named]
    return [] if made["parent_channel"] == stands_in == expected else [f"{made} stands in {stands_in}"]


def _no_leak(run: Run, _: str) -> list[str]:
    said = b"".join([answer.body for answer in run.answers] + [asked.body for asked in run.asked])
    return ["the private text went out"] if SECRET_TEXT.encode() in said else []


def _within_seconds(run: Run, bound: str) -> list[str]:
    slow = [answer.seconds for answer in run.answers if answer.seconds > float(bound)]
    return [f"took {seconds:.1f} s" for seconds in slow]


def _cheap(run: Run, bound: str) -> list[str]:
    """The answer's whole time bounds what the processor did for it; a handshake with the remote is in it too."""
    return _within_seconds(run, str(float(bound) / 1000 + 0.25))


def _no_poison(run: Run, _: str) -> list[str]:
    return run.arena.quarantined()


def _no_active_html(run: Run, _: str) -> list[str]:
    texts = direct_texts(run.arena, run.case["sent_body"]["actor"])
    newest = json.loads(texts[-1])["message"] if texts else ""
    # What a client shows as text may name a tag; what it takes for HTML is in angle brackets.
    return [f"active: {newest[:200]}"] if _ACTIVE.search(re.sub(r"&lt;.*?&gt;", "", newest)) else []


def _rows_within_caps(run: Run, _: str) -> list[str]:
    return [f"{len(run.changes)} rows"] if len(run.changes) > _ROW_CAP else []


def _tables_intact(run: Run, _: str) -> list[str]:
    missing = {table.name for table in Base.metadata.sorted_tables} - set(inspect(run.arena.engine).get_table_names())
    lost = [line for line in run.changes if " lost " in line and not line.startswith("actors")]
    return [f"no table {name}" for name in missing] + lost


def _rows_answered(run: Run, bound: str) -> list[str]:
    counts = [len(json.loads(answer.body).get("messages", ())) for answer in run.answers if answer.status == 200]
    return [f"{count} rows in an answer" for count in counts if count > int(bound)] + run.changes


def _no_stack(run: Run, _: str) -> list[str]:
    signs = (b"Traceback", b'File "', b"sqlalchemy", b"SELECT ", b"/site-packages/", b"/work/")
    return [f"{sign!r} in the body" for answer in run.answers for sign in signs if sign in answer.body]


def _pending(run: Run, bound: str) -> list[str]:
    alice = run.arena.words["alice_id"]
    with run.arena.engine.connect() as connection:
        pending = select(func.count()).select_from(Follow).where(Follow.target_id == alice, Follow.state == "pending")
        count = connection.execute(pending).scalar_one()
    return [] if count <= int(bound) else [f"{count} pending Follows"]


def _not_delivered(run: Run, host: str) -> list[str]:
    queued = [line for line in run.changes if line.startswith("deliveries got") and f"//{host}" in line]
    posted = [asked.url for asked in run.asked if asked.method == "POST" and f"//{host}" in asked.url]
    return queued + [f"POST {url}" for url in posted]


def _host_rows(run: Run, bound: str) -> list[str]:
    with run.arena.engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(Host)).scalar_one()
    return [] if count <= int(bound) else [f"{count} hosts"]


def _notifications(run: Run, _: str) -> list[str]:
    """A notice is a conversation here: however often strangers write, each pair of people has one."""
    gained = [line for line in run.changes if line.startswith(("conversations got", "participants got"))]
    return gained if len(gained) > 3 else []


def _fast(run: Run, bound: str) -> list[str]:
    times = sorted(answer.seconds for answer in run.answers)
    p95 = times[int(len(times) * 0.95)]
    return [] if p95 < float(bound) / 1000 else [f"p95 is {p95 * 1000:.0f} ms"]


def _all_applied(run: Run, _: str) -> list[str]:
    accepted = sum(answer.status == 202 for answer in run.answers)
    got = len([line for line in run.changes if line.startswith("messages got")])
    return [] if got == accepted else [f"{accepted} accepted, {got} stored"]


def _local_sends(run: Run, bound: str) -> list[str]:
    calm, flooded = run.measured["calm"], run.measured["flooded"]
    # A machine of two cores runs the flood, the server and the sender.
    return [] if flooded <= calm * float(bound) + 0.1 else [f"median {calm:.3f} s, under the flood {flooded:.3f} s"]


def _lacks(run: Run, words: str) -> list[str]:
    if words == "email,ip,password,token":
        return [f"{name} is told" for answer in run.answers for name in _private_fields(json.loads(answer.body))]
    word = {"original_text": ERASED_TEXT, "private_text": SECRET_TEXT}.get(words, words)
    return [f"{word!r} is in the answer" for answer in run.answers if word.encode() in answer.body]


def _private_fields(value: Any) -> list[str]:
    """The contract has some of these names, and clients read them; what counts is that nothing is in them."""
    if isinstance(value, list):
        return [name for item in value for name in _private_fields(item)]
    if not isinstance(value, dict):
        return []
    own = [name for name, inner in value.items() if _PRIVATE_FIELD.fullmatch(name) and inner not in (None, "")]
    return own + [name for inner in value.values() for name in _private_fields(inner)]


def _one_reaction(run: Run, uri: str) -> list[str]:
    with run.arena.engine.connect() as connection:
        count = connection.execute(
            select(func.count()).select_from(Reaction).where(Reaction.activity_uri == uri)
        ).scalar_one()
    return [] if count <= 1 else [f"{count} reactions"]


def _message_count(run: Run, wanted: str) -> list[str]:
    """Exactly so many messages came in."""
    got = len([line for line in run.changes if line.startswith("messages got")])
    return [] if got == int(wanted) else [f"{got} messages stored, {wanted} wanted"]


def _at_most_messages(run: Run, bound: str) -> list[str]:
    """Not more than so many messages, and nothing lost."""
    got = [line for line in run.changes if line.startswith("messages got")]
    lost = [line for line in run.changes if line.startswith(("messages lost", "message_contents lost"))]
    return [f"{len(got)} messages stored"] * (len(got) > int(bound)) + lost


def _dates_near(run: Run, _: str) -> list[str]:
    with run.arena.engine.connect() as connection:
        latest = connection.execute(select(func.max(Message.published_at))).scalar_one()
    return [] if 1995 <= latest.year <= 2100 else [f"a message of {latest}"]


_CHECKS: Final[dict[str, Check]] = {
    r"parent=\{\{(\w+)\}\}": _parent,
    "none": _nothing,
    r"outbound_fetches<=(\d+)": _at_most_fetches,
    r"outbound_fetches=(0)": _at_most_fetches,
    "outbound_connects=0": _no_connects,
    "outbound_connects_internal=0": _no_strange_connects,
    "connect_ip=first_answer": _first_answer,
    "follower_absent": _follower_absent,
    "message_absent": _message_absent,
    "content=T2": _content_of_t2,
    "no_private_content_leak": _no_leak,
    r"wall<=(\d+)s": _within_seconds,
    r"cpu<(\d+)ms": _cheap,
    "no_500_no_poison_task": _no_poison,
    "no_active_html_stored": _no_active_html,
    "rows_created<=caps": _rows_within_caps,
    "tables_intact": _tables_intact,
    r"rows<=(\d+)": _rows_answered,
    "no_stack_in_body": _no_stack,
    r"pending<=(\d+)": _pending,
    r"no_delivery:(.+)": _not_delivered,
    r"state_rows<=(\d+)": _host_rows,
    "notifications<=cap": _notifications,
    r"p95<(\d+)ms": _fast,
    "eventually_all_applied": _all_applied,
    r"local_send_p95<(\d+)x": _local_sends,
    r"response_lacks:(.+)": _lacks,
    r"reactions<=1:(.+)": _one_reaction,
    r"messages=(\d+)": _message_count,
    r"messages<=(\d+)": _at_most_messages,
    "dates_near": _dates_near,
    **media.CHECKS,
    **outcomes.CHECKS,
}
