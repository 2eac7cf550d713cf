"""Other people's documents at the inbox: none breaks it, and every message arrives as it was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.corpora.conftest import Fate, PostOffice
from tests.corpora.deviations import NOT_STORED
from tests.corpora.letters import Letter, Readers, addressed, write
from tests.corpora.oracle import differences, expected_of
from tests.corpora.samples import Sample, ap_corpus, as2_documents, funfedi_cases, pasture_inputs

CORPORA: Mapping[str, Callable[[], list[Sample]]] = {
    "ap-corpus": ap_corpus,
    "as2-test-documents": as2_documents,
    "fediverse-pasture-inputs": pasture_inputs,
    "funfedi-parsing-cases": funfedi_cases,
}
MAX_CPU_SECONDS = 2
# Whom the two corpora of deliveries are sent to; the documents of the others are for nobody here.
PASTURE_RECEIVER, FUNFEDI_RECEIVER = "http://remote.example/", "https://us.example/actor"
KEPT_TAGS = frozenset({"a", "p", "br", "strong", "em", "code", "blockquote", "ul", "ol", "li"})


@pytest.mark.parametrize("corpus", CORPORA)
def test_no_document_breaks_the_inbox_and_every_message_arrives(corpus: str, post_office: PostOffice) -> None:
    samples = CORPORA[corpus]()
    if post_office.is_sampling:
        samples = samples[::20]

    assert _complaints(post_office, samples) == {}


def test_public_is_public_however_it_is_spelt(post_office: PostOffice) -> None:
    channel = post_office.readers.channel
    samples = [sample for sample in pasture_inputs() if sample.name.startswith("public_addressing")]

    fates = [
        post_office.deliver(write(sample, f"spelt{number}", replaced={PASTURE_RECEIVER: channel}))
        for number, sample in enumerate(samples)
    ]

    assert [fate.message and fate.message.audience for fate in fates] == ["public"] * 3


def _complaints(post_office: PostOffice, samples: Sequence[Sample]) -> dict[str, list[str]]:
    """What is wrong with the fate of each document with which something is."""
    readers = post_office.readers
    replaced = {PASTURE_RECEIVER: readers.person, FUNFEDI_RECEIVER: readers.person}
    found = {}
    for sample in samples:
        letter = write(sample, post_office.next_host(), replaced=replaced)
        expected = expected_of(letter)
        if not any(receiver in repr(sample.document) for receiver in replaced):
            addressed(letter, readers)
        fate = post_office.deliver(letter)
        complaints = _of_any(letter, fate)
        if sample.name in NOT_STORED or sample.status in ("fail", "should_fail"):
            complaints += ["became a message"] if fate.message else []
        elif letter.note is not None:
            complaints += differences(fate, expected, readers) + _of_markup(letter, fate)
        if complaints:
            found[sample.name] = complaints
    return found


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
    if re.search(r"<(script|style|iframe|object|svg)\b|<[^>]*\s(on\w+|style)\s*=|(javascript|data):[^<]*>", shown, re.I):
        complaints.append(f"shows {shown!r}")
    if lost := (_tags(given) & KEPT_TAGS) - _tags(shown):
        complaints.append(f"has lost {sorted(lost)} of {given!r}")
    return complaints


def _tags(markup: str) -> set[str]:
    return {tag.lower() for tag in re.findall(r"<([a-zA-Z]+)[\s/>]", markup)}
