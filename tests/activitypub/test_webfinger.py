"""From a handle to an actor: what is read, what is asked, what is refused."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from activitypub.documents import parse_actor
from activitypub.errors import FetchError, MalformedDocumentError, NotFoundRemoteError, OriginError
from activitypub.fetch import FetchBudget
from activitypub.keys import PublicKey, public_key_from_pem
from activitypub.strict_json import JsonObject, load_object
from activitypub.webfinger import Handle, host_meta, jrd, parse_handle, parse_jrd, resolve
from tests.activitypub.conftest import World
from tests.activitypub.peer import http, redirect
from tests.corpus import corpus

BOB = Handle("bob", "good.test")
ACTOR = "https://good.test/u/bob"


def answer(subject: object = "acct:bob@good.test", *links: dict[str, object]) -> Any:
    own_link = {"rel": "self", "type": "application/activity+json", "href": ACTOR}
    return {"subject": subject, "links": list(links) or [own_link]}


def self_link(href: object, type: object = "application/activity+json") -> dict[str, object]:
    return {"rel": "self", "type": type, "href": href}


class TestHandle:
    @pytest.mark.parametrize(
        "text",
        [
            "@bob@good.test",
            "bob@good.test",
            "acct:bob@good.test",
            "!bob@good.test",
            "bob@GOOD.test",
            "@bob@\uff47ood.test",
            "https://good.test/@bob",
            "https://good.test/@bob/",
            "https://evil.test/@bob@good.test",
        ],
    )
    def test_is_read_in_every_usual_form(self, text: str) -> None:
        assert parse_handle(text) == BOB

    @pytest.mark.parametrize(
        ("text", "handle"),
        [
            ("@Bob.B_1-x@good.test", Handle("Bob.B_1-x", "good.test")),
            ("@ünï@bücher.example", Handle("ünï", "xn--bcher-kva.example")),
            ("@bob@good.test:8443", Handle("bob", "good.test:8443")),
            ("https://good.test:8443/@bob", Handle("bob", "good.test:8443")),
        ],
    )
    def test_keeps_the_name_and_normalises_the_host(self, text: str, handle: Handle) -> None:
        assert parse_handle(text) == handle
        assert parse_handle(handle.acct.replace("%C3%BCn%C3%AF", "ünï")) == handle

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "bob",
            "@bob",
            "@@good.test",
            "@bob@",
            "@bob@good",
            "@bob@localhost",
            "@x@localhost:6379",
            "@x@127.0.0.1",
            "@x@[::1]",
            "@x@evil.test/../../x",
            "@x@evil.test?y",
            "@x@evil.test#y",
            "@x@evil.test:443",
            "@x@evil.test:0",
            "@x@evil.test:65536",
            "@x@evil.test:",
            "@x@good.test@evil.test",
            "@x y@good.test",
            "@x@good.test ",
            "@x\n@good.test",
            "@x/y@good.test",
            "@x:y@good.test",
            "@" + "x" * 129 + "@good.test",
            "http://good.test/@bob",
            "http://10.0.0.1/u/x",
            "file:///etc/passwd",
            "https://good.test/u/bob",
            "https://good.test/@bob/1",
            "https://good.test/@a@b@c",
            "https://evil.test/?x=http://good.test/@bob",
        ],
    )
    def test_is_refused_when_it_could_mean_something_else(self, text: str) -> None:
        with pytest.raises(MalformedDocumentError):
            parse_handle(text)

    def test_has_letters_and_marks_of_any_script(self) -> None:
        assert parse_handle("@हिन्दी@good.test") == Handle("हिन्दी", "good.test")

    def test_is_the_same_in_any_case(self) -> None:
        assert BOB.is_same(Handle("BOB", "good.test"))
        assert not BOB.is_same(Handle("bob", "evil.test"))
        assert not BOB.is_same(Handle("bobby", "good.test"))


class TestAnswer:
    @pytest.mark.parametrize(
        "document",
        [
            answer(),
            answer("acct:BOB@Good.Test"),
            answer("acct:bob@good.test", self_link(ACTOR, 'application/ld+json; profile="https://x.test"')),
            answer("acct:bob@good.test", self_link("https://good.test/bob.html", "text/html"), self_link(ACTOR)),
            answer("acct:bob@good.test", self_link(ACTOR), self_link("https://good.test/c/bob")),
            answer("acct:bob@good.test", {"rel": "other", "href": "https://evil.test/"}, self_link(ACTOR)),
        ],
    )
    def test_gives_its_first_activitypub_self_link(self, document: JsonObject) -> None:
        assert parse_jrd(document, handle=BOB) == ACTOR

    @pytest.mark.parametrize("subject", ["acct:mallory@good.test", "acct:bob@evil.test", "acct:bob@sub.good.test"])
    def test_about_somebody_else_is_refused(self, subject: str) -> None:
        with pytest.raises(OriginError):
            parse_jrd(answer(subject), handle=BOB)

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"subject": "acct:bob@good.test"},
            {"links": [self_link(ACTOR)]},
            answer(None),
            answer(7),
            answer("https://good.test/@bob"),
            answer("acct:bob"),
            {"subject": "acct:bob@good.test", "links": {}},
            {"subject": "acct:bob@good.test", "links": [None, "x", []]},
            answer("acct:bob@good.test", self_link(ACTOR, None)),
            answer("acct:bob@good.test", self_link(ACTOR, "text/html")),
            answer("acct:bob@good.test", self_link(ACTOR, {"a": 1})),
            answer("acct:bob@good.test", self_link(None)),
            answer("acct:bob@good.test", self_link({"a": 1})),
            answer("acct:bob@good.test", self_link("http://good.test/u/bob")),
            answer("acct:bob@good.test", self_link("http://127.0.0.1:6379/")),
            answer("acct:bob@good.test", self_link("https://127.0.0.1/")),
            answer("acct:bob@good.test", self_link("https://GOOD.test/u/bob")),
            answer("acct:bob@good.test", self_link("javascript:alert(1)")),
        ],
    )
    def test_without_one_canonical_actor_is_malformed(self, document: JsonObject) -> None:
        with pytest.raises(MalformedDocumentError):
            parse_jrd(document, handle=BOB)


class TestCorpus:
    """Answers that real servers gave, and the ones Mastodon's tests forge."""

    def body(self, name: str) -> JsonObject:
        raw = (corpus("webfinger-responses") / name).read_bytes()
        return load_object(raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1])

    @pytest.mark.parametrize(
        ("name", "handle"),
        [
            ("webfinger.txt", Handle("gargron", "quitter.no")),
            ("activitypub-webfinger.txt", Handle("foo", "ap.example.com")),
        ],
    )
    def test_self_link_is_found(self, name: str, handle: Handle) -> None:
        assert parse_jrd(self.body(name), handle=handle) == "https://ap.example.com/users/foo"

    def test_recorded_answer_of_lemmy_is_read(self) -> None:
        path: Path = corpus("webfinger-responses") / "lemmy-ml-well-known-webfinger.json"
        document = load_object(json.loads(path.read_text())["body"].encode())

        assert parse_jrd(document, handle=Handle("pfefferle", "lemmy.ml")) == "https://lemmy.ml/u/pfefferle"

    @pytest.mark.parametrize("handle", [Handle("hacker1", "redirected.com"), Handle("gargron", "hacker.com")])
    def test_subject_of_another_domain_is_refused(self, handle: Handle) -> None:
        with pytest.raises(OriginError):
            parse_jrd(self.body("webfinger-hacker1.txt"), handle=handle)

    def test_the_actor_that_is_found_is_one_we_can_write_to(self) -> None:
        found = parse_jrd(self.body("activitypub-webfinger.txt"), handle=Handle("foo", "ap.example.com"))
        actor = parse_actor(self.body("activitypub-actor.txt"))

        assert (actor.id, actor.preferred_username) == (found, "foo")
        assert (actor.inbox, actor.shared_inbox) == (f"{found}/inbox", "https://ap.example.com/inbox")
        [key] = actor.keys
        assert PublicKey(key.id, key.owner, public_key_from_pem(key.encoded)).kind == "rsa"

    @pytest.mark.parametrize("media_type", ["application/xrd+xml", "application/jrd+json"])
    def test_xrd_names_no_actor_and_is_refused(self, world: World, media_type: str) -> None:
        """A deviation from the corpus's manifest, which would have it resolve: it is of the protocol before
        ActivityPub (OStatus), XML, and has no link with rel="self" that could be followed."""
        raw = (corpus("webfinger-responses") / "localdomain-webfinger.txt").read_bytes()
        body = raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]
        world.good.routes[query(world, user="foo")] = http(body=body, content_type=media_type)

        with pytest.raises((FetchError, MalformedDocumentError)):
            resolve(f"@foo@good.test:{world.port}", world.client)

        assert b'rel="self"' not in body


class TestResolve:
    def test_asks_the_host_of_the_handle(self, world: World) -> None:
        bob = served(world, "acct:bob@{good}", "https://good.test/u/bob")
        world.good.routes[query(world, user="Bob")] = bob

        found = resolve(f"@Bob@good.test:{world.port}", world.client)

        assert found.actor == "https://good.test/u/bob"
        assert found.handle == Handle("bob", f"good.test:{world.port}")
        [request] = world.good.requests
        assert request.target == query(world, user="Bob")
        assert request.headers["accept"] == "application/jrd+json, application/json"

    def test_follows_a_redirect_to_the_host_that_answers(self, world: World) -> None:
        world.good.routes[query(world)] = redirect(world.url("/wf", host="evil.test"))
        world.evil.routes["/wf"] = served(world, "acct:bob@{good}", "https://evil.test/u/bob")

        assert resolve(f"@bob@good.test:{world.port}", world.client).actor == "https://evil.test/u/bob"

    def test_account_domain_confirms_what_the_other_host_says(self, world: World) -> None:
        answer = served(world, "acct:bob@{good}", "https://evil.test/u/bob")
        world.evil.routes[query(world, host="evil.test")] = answer
        world.good.routes[query(world)] = answer

        found = resolve(f"@bob@evil.test:{world.port}", world.client)

        assert (found.actor, found.handle.host) == ("https://evil.test/u/bob", f"good.test:{world.port}")

    @pytest.mark.parametrize("own_answer", ["https://good.test/u/bob", None], ids=["another actor", "nobody"])
    def test_account_of_another_domain_is_not_taken_without_its_word(
        self, world: World, own_answer: str | None
    ) -> None:
        forged = served(world, "acct:bob@{good}", "https://evil.test/u/mallory")
        world.evil.routes[query(world, host="evil.test")] = forged
        if own_answer is not None:
            world.good.routes[query(world)] = served(world, "acct:bob@{good}", own_answer)

        with pytest.raises((OriginError, NotFoundRemoteError)):
            resolve(f"@bob@evil.test:{world.port}", world.client)

    def test_subject_is_asked_about_only_once(self, world: World) -> None:
        world.evil.routes[query(world, host="evil.test")] = served(world, "acct:bob@{good}", ACTOR)
        world.good.routes[query(world)] = served(world, "acct:carol@{good}", ACTOR)

        with pytest.raises(OriginError):
            resolve(f"@bob@evil.test:{world.port}", world.client)

        assert len(world.good.requests + world.evil.requests) == 2

    def test_unknown_account_is_not_found(self, world: World) -> None:
        with pytest.raises(NotFoundRemoteError):
            resolve(f"@nobody@good.test:{world.port}", world.client)

    @pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain", "text/html", ""])
    def test_answer_may_be_a_file_whatever_its_server_calls_it(self, world: World, content_type: str) -> None:
        body = json.dumps(answer(f"acct:bob@good.test:{world.port}")).encode()
        world.good.routes[query(world)] = http(body=body, content_type=content_type)

        assert resolve(f"@bob@good.test:{world.port}", world.client).actor == ACTOR

    @pytest.mark.parametrize("body", [b"<!DOCTYPE html><title>Nothing here</title>", b"", b"[]"])
    def test_another_page_is_no_answer(self, world: World, body: bytes) -> None:
        world.good.routes[query(world)] = http(body=body, content_type="text/html")

        with pytest.raises(MalformedDocumentError):
            resolve(f"@bob@good.test:{world.port}", world.client)

    @pytest.mark.usefixtures("trap")
    def test_link_to_an_internal_address_is_refused_and_not_connected_to(self, world: World) -> None:
        world.good.routes[query(world)] = served(world, "acct:bob@{good}", f"https://127.0.0.1:{world.port}/")

        with pytest.raises(MalformedDocumentError):
            resolve(f"@bob@good.test:{world.port}", world.client)

    def test_spends_the_budget(self, world: World) -> None:
        with pytest.raises(FetchError, match="too many requests"):
            resolve(f"@bob@good.test:{world.port}", world.client, budget=FetchBudget(limit=0))


def query(world: World, *, user: str = "bob", host: str = "good.test") -> str:
    return f"/.well-known/webfinger?resource=acct:{user}@{host}:{world.port}"


def served(world: World, subject: str, actor: str) -> bytes:
    document = answer(subject.format(good=f"good.test:{world.port}"), self_link(actor))
    return http(body=json.dumps(document).encode(), content_type="application/jrd+json; charset=utf-8")


class TestOurAnswers:
    def test_jrd_is_one_that_we_would_believe(self) -> None:
        ours = Handle("Bob", "good.test")

        assert parse_jrd(jrd(ours, actor=ACTOR), handle=BOB) == ACTOR

    def test_jrd_has_its_subject_in_lower_case(self) -> None:
        assert jrd(Handle("Bob", "good.test"), actor=ACTOR) == {
            "subject": "acct:bob@good.test",
            "aliases": [ACTOR],
            "links": [{"rel": "self", "type": "application/activity+json", "href": ACTOR}],
        }

    def test_host_meta_leads_to_webfinger(self) -> None:
        root = ET.fromstring(host_meta("https://good.test"))

        link = root.find("{http://docs.oasis-open.org/ns/xri/xrd-1.0}Link")
        assert link is not None
        assert link.attrib == {
            "rel": "lrdd",
            "type": "application/jrd+json",
            "template": "https://good.test/.well-known/webfinger?resource={uri}",
        }
