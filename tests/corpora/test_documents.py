"""Other people's documents at the inbox: none breaks it, and every message arrives as it was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.corpora.conftest import Fate, PostOffice
from tests.corpora.deviations import NOT_STORED
from tests.corpora.letters import Letter, addressed, write
from tests.corpora.oracle import differences, expected_of
from tests.corpora.samples import Sample, ap_corpus, as2_documents, funfedi_cases, pasture_inputs

# Each corpus, and how many messages are in it.
CORPORA: Mapping[str, tuple[Callable[[], list[Sample]], int]] = {
    "ap-corpus": (ap_corpus, 106),
    "as2-test-documents": (as2_documents, 23),
    "fediverse-pasture-inputs": (pasture_inputs, 95),
    "funfedi-parsing-cases": (funfedi_cases, 32),
}
MAX_CPU_SECONDS = 2
# Whom the two corpora of deliveries are sent to; the documents of the others are for nobody here.
PASTURE_RECEIVER, FUNFEDI_RECEIVER = "http://remote.example/", "https://us.example/actor"
KEPT_TAGS = frozenset({"a", "p", "br", "strong", "em", "code", "blockquote", "ul", "ol", "li"})


@pytest.mark.parametrize("corpus", CORPORA)
def test_no_document_breaks_the_inbox_and_every_message_arrives(corpus: str, post_office: PostOffice) -> None:
    read, messages = CORPORA[corpus]

    complaints, arrived = _send(post_office, read())

    assert complaints == {}
    assert arrived == messages


def test_public_is_public_however_it_is_spelt(post_office: PostOffice) -> None:
    channel = post_office.readers.channel
    samples = [sample for sample in pasture_inputs() if sample.name.startswith("public_addressing")]

    fates = [
        post_office.deliver(write(sample, f"spelt{number}", replaced={PASTURE_RECEIVER: channel}))
        for number, sample in enumerate(samples)
    ]

    assert [fate.message and fate.message.audience for fate in fates] == ["public"] * 3


def test_attachments_are_shown_with_what_their_server_says_of_them(post_office: PostOffice) -> None:
    (sample,) = (sample for sample in pasture_inputs() if sample.name == "recommended_attachments-00.json")
    letter = write(sample, "shown", replaced={PASTURE_RECEIVER: post_office.readers.person})
    post_office.deliver(letter)

    world, peer = post_office.world, {"peer": letter.sender}
    answer = world.server.call("GET", "/api/v1/dms/messages", person=world.bob, query_string=peer)

    (message,) = answer.json["messages"]
    (cow,) = message["attachments"]
    assert cow["url"].endswith("/assets/cow.jpg")
    assert (cow["filename"], cow["type"], cow["size"]) == ("A beautiful cow", "image/jpeg", 9045)


def _send(post_office: PostOffice, samples: Sequence[Sample]) -> tuple[dict[str, list[str]], int]:
    """What is wrong with the fate of each document with which something is, and how many messages arrived."""
    readers = post_office.readers
    replaced = {PASTURE_RECEIVER: readers.person, FUNFEDI_RECEIVER: readers.person}
    complaints, arrived = {}, 0
    for sample in samples:
        letter = write(sample, post_office.next_host(), replaced=replaced)
        expected = expected_of(letter)
        audience = "direct"
        if not any(receiver in repr(sample.document) for receiver in replaced):
            addressed(letter, readers)
            audience = "public" if expected.is_public else "direct"
        fate = post_office.deliver(letter)
        arrived += fate.message is not None
        found = _of_any(letter, fate)
        if sample.name in NOT_STORED or sample.status in ("fail", "should_fail"):
            found += ["became a message"] if fate.message else []
        elif letter.note is not None:
            found += differences(fate, expected, audience=audience, reader=readers.person)
            found += _of_markup(letter, fate)
        if found:
            complaints[sample.name] = found
    return complaints, arrived


def _of_any(letter: Letter, fate: Fate) -> list[str]:
    """What holds for every document, whatever it says."""
    complaints = []
    if not (200 <= fate.status < 300 or 400 <= fate.status < 500):
        complaints.append(f"was answered {fate.status}")
    if fate.state not in (None, "done", "dropped"):
        complaints.append(f"is {fate.state}: {fate.outcome}")
    if fate.cpu_seconds > MAX_CPU_SECONDS:
        complaints.append(f"took {fate.cpu_seconds:.1f} s")
    foreign = [url for url in fate.asked if not f"{url}/".startswith(f"{letter.origin}/")]
    return complaints + [f"made us fetch {url}" for url in foreign]


def _of_markup(letter: Letter, fate: Fate) -> list[str]:
    """Of what is shown, nothing acts, and what a message may be made of is left in it."""
    given, shown = str((letter.note or {}).get("content") or ""), fate.message.content.html if fate.message else ""
    complaints = []
    if re.search(
        r"<(script|style|iframe|object|svg)\b|<[^>]*\s(on\w+|style)\s*=|(javascript|data):[^<]*>", shown, re.I
    ):
        complaints.append(f"shows {shown!r}")
    if lost := (_tags(given) & KEPT_TAGS) - _tags(shown):
        complaints.append(f"has lost {sorted(lost)} of {given!r}")
    return complaints


def _tags(markup: str) -> set[str]:
    return {tag.lower() for tag in re.findall(r"<([a-zA-Z]+)[\s/>]", markup)}
