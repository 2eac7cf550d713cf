"""Prove: what somebody passes on is believed for its proof, or as its home has it, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from activitypub import build
from activitypub.documents import Activity, Reference
from activitypub.errors import FetchError, NotFoundRemoteError, OriginError
from activitypub.fetch import FetchBudget, Reason, UnreachableError
from activitypub.proofs import add_proof
from activitypub.vocabulary import PUBLIC
from app.actions.inbox.prove import Proved, prove
from app.errors import NotFoundError
from app.models import Actor
from tests.actions.wire import Wire
from tests.founding import ORIGIN, URIS
from tests.world import World


class Scene:
    """A channel elsewhere that passes on what yan, of a third server, has said."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pond = world.remote_channel("pond", members=[world.bob])
        self.yan = world.actor("yan", "remote", host="lake.example")
        self.create = world.created(self.yan, self.pond, "hello")

    def announced(
        self, inner: Mapping[str, Any] | list[Any] | str, *, by: Actor | None = None, is_last_attempt: bool = False
    ) -> Proved:
        by = by or self.pond.actor
        document = {
            "@context": [],
            "id": f"{by.uri}/announces/1",
            "type": "Announce",
            "actor": by.uri,
            "object": inner,
            "to": [PUBLIC],
        }
        return prove(document, signer=by.uri, budget=FetchBudget(20), is_last_attempt=is_last_attempt)


@pytest.fixture
def scene(world: World, wire: Wire) -> Scene:
    return Scene(world)


def test_what_its_signer_says_is_proved_by_the_request(world: World, wire: Wire) -> None:
    zoe = world.actor("zoe", "remote")
    follow = world.identified(build.follow(actor=zoe.uri, object=world.bob.uri))

    proved = prove(follow.document, signer=zoe.uri, budget=FetchBudget(20))

    assert (proved.activity, proved.relayed) == (follow, ())
    assert wire.asked == []


def test_activity_inside_an_announce_is_proved_by_its_own_proof(scene: Scene, wire: Wire) -> None:
    proved = scene.announced(scene.world.proved(scene.create).document)

    assert [activity.id for activity in proved.relayed] == [scene.create.id]
    assert wire.asked == []


@pytest.mark.parametrize("spoiled", ["changed words", "somebody elses proof", "no proof", "an expired proof"])
def test_without_a_good_proof_it_is_believed_as_its_home_has_it(scene: Scene, wire: Wire, spoiled: str) -> None:
    true = scene.world.proved(scene.create).document
    wire.serve(str(scene.create.id), dict(true))

    (relayed,) = scene.announced(_spoil(scene, spoiled)).relayed

    assert relayed.document == true
    assert wire.asked == [scene.create.id]


@pytest.mark.parametrize("spoiled", ["changed words", "no proof"])
def test_of_what_its_home_does_not_know_no_more_is_believed_than_what_it_is_about(
    scene: Scene, wire: Wire, spoiled: str
) -> None:
    proved = scene.announced(_spoil(scene, spoiled))

    assert (proved.activity.type, proved.activity.object) == ("Announce", Reference(scene.create.object_id))
    assert (proved.relayed, proved.is_of_edit, proved.via) == ((), False, None)
    assert set(proved.activity.document) == {"@context", "id", "type", "actor", "object", "to"}
    assert proved.activity.document["object"] == scene.create.object_id


@pytest.mark.parametrize("type_", ["Like", "Follow", "Undo", "Add"])
def test_what_is_borne_out_by_nothing_is_not_believed_if_its_home_does_not_know_it(
    scene: Scene, wire: Wire, type_: str
) -> None:
    said = scene.world.say(scene.world.actor("zoe", "remote"), scene.pond, "hello")
    done = dict(scene.create.document) | {"type": type_, "object": said, "target": f"{scene.pond.uri}/featured"}
    if type_ == "Undo":
        done["object"] = done | {"id": f"{scene.yan.uri}/likes/1", "type": "Like"}

    with pytest.raises(NotFoundRemoteError):
        scene.announced(done)

    assert wire.asked == [scene.create.id]


@pytest.mark.parametrize("is_taken_back", [False, True])
@pytest.mark.parametrize("type_", ["Like", "EmojiReact"])
def test_nobody_is_asked_for_a_reaction_to_what_never_came_here(
    scene: Scene, wire: Wire, type_: str, is_taken_back: bool
) -> None:
    reaction = dict(scene.create.document) | {"type": type_, "object": scene.create.object_id}
    undo = reaction | {"id": f"{reaction['id']}/undo", "type": "Undo", "object": reaction}

    with pytest.raises(NotFoundError):
        scene.announced(undo if is_taken_back else reaction)

    assert wire.asked == []


def test_proof_by_a_key_that_cannot_be_had_is_none(scene: Scene, wire: Wire) -> None:
    """Its host answers, and has no such key; then its home may still have the activity."""
    document = dict(scene.create.document)
    nobody = scene.world.proof_keys[scene.yan.uri]
    unknown = add_proof(
        document, verification_method=f"{scene.yan.uri}#other-key", private_key=nobody, created=datetime.now(UTC)
    )
    wire.serve(str(scene.create.id), document)

    (relayed,) = scene.announced(unknown).relayed

    assert relayed.id == scene.create.id
    assert wire.asked == [scene.yan.uri, scene.create.id]


@pytest.mark.parametrize("is_proved", [True, False])
def test_moderator_of_the_group_deletes_what_a_third_server_said_in_it(
    scene: Scene, wire: Wire, is_proved: bool
) -> None:
    """Of whichever server the moderator is; whether it was said in that group, the effect knows."""
    moderator = scene.world.actor("moderator", "remote")
    note = scene.create.object_id or ""
    delete = scene.world.identified(build.delete(actor=moderator.uri, object={"id": note}, to=[PUBLIC]))
    wire.serve(str(delete.id), dict(delete.document))

    document = scene.world.proved(delete).document if is_proved else delete.document
    elsewhere = scene.world.actor("xan", "remote", host="sea.example", type="Group")

    for announced in (scene.announced(document), scene.announced(document, by=elsewhere)):
        assert [(activity.type, activity.object_id) for activity in announced.relayed] == [("Delete", note)]
    with pytest.raises(OriginError):
        prove(delete.document, signer=moderator.uri, budget=FetchBudget(20))


def test_home_that_does_not_answer_now_may_do_so_later(scene: Scene, wire: Wire) -> None:
    wire.serve(str(scene.create.id), UnreachableError("no answer", reason=Reason.TIMEOUT))

    with pytest.raises(FetchError) as caught:
        scene.announced(scene.create.document)

    assert not caught.value.permanent


def test_deletion_whose_home_stays_away_is_the_channels_word_in_the_end(scene: Scene, wire: Wire) -> None:
    about = scene.create.object_id
    delete = scene.world.identified(build.delete(actor=scene.yan.uri, object={"id": about}, to=[PUBLIC]))
    wire.serve(str(delete.id), UnreachableError("no answer", reason=Reason.TIMEOUT))
    with pytest.raises(UnreachableError):
        scene.announced(delete.document)

    proved = scene.announced(delete.document, is_last_attempt=True)

    told = proved.activity
    assert (told.type, told.actor, told.object_id, proved.via) == ("Delete", scene.pond.uri, about, scene.pond.uri)
    assert told.id == f"{scene.pond.uri}/announces/1"


def test_home_that_passes_it_on_itself_does_not_prove_it(scene: Scene, wire: Wire) -> None:
    wire.serve(str(scene.create.id), dict(scene.create.document) | {"actor": "https://lake.example/users/xan"})
    assert scene.announced(dict(scene.create.document) | {"object": _forged(scene)}).relayed == ()

    other = scene.world.identified(build.follow(actor="https://lake.example/users/xan", object=scene.pond.uri))
    wire.serve(
        str(scene.create.id),
        {
            "id": scene.create.id,
            "type": "Announce",
            "actor": scene.yan.uri,
            "object": dict(other.document) | {"id": "https://sea.example/1", "actor": "https://sea.example/users/w"},
        },
    )
    assert scene.announced(scene.create.document).relayed == ()


def test_activity_under_an_id_that_cannot_be_fetched_needs_a_proof(scene: Scene, wire: Wire) -> None:
    """As Mastodon's are, with a fragment; or what it is about bears it out."""
    create = build.with_id(scene.create, f"{scene.yan.uri}#create/1")
    assert scene.announced(scene.world.proved(create).document).relayed

    assert scene.announced(create.document).relayed == ()
    with pytest.raises(OriginError):
        scene.announced(dict(create.document) | {"type": "Like"})
    with pytest.raises(OriginError):
        prove(create.document, signer=scene.pond.uri, budget=FetchBudget(20))

    assert wire.asked == []


def test_activity_of_one_of_ours_is_not_believed_from_outside(scene: Scene, wire: Wire) -> None:
    note = scene.world.note(scene.world.bob, "never said", id=URIS.message("msg_1"))
    create = build.with_id(build.create(actor=scene.world.bob.uri, object=note), f"{ORIGIN}/ap/activities/act_1")

    with pytest.raises(OriginError, match="ours"):
        scene.announced(create.document)

    assert wire.asked == []


def test_list_of_one_activity_is_that_activity(scene: Scene, wire: Wire) -> None:
    proved = scene.announced([scene.world.proved(scene.create).document])

    assert [activity.id for activity in proved.relayed] == [scene.create.id]


def test_second_type_does_not_hide_a_forged_activity_from_the_rules(scene: Scene, wire: Wire) -> None:
    """Found by fuzzing: it was believed, as the announced activity of whoever it named."""
    forged = dict(scene.create.document) | {"type": ["x", "Create"]}

    with pytest.raises(OriginError, match="exactly one type"):
        scene.announced(forged)

    assert wire.asked == []


def test_announce_of_a_uri_relays_nothing(scene: Scene, wire: Wire) -> None:
    proved = scene.announced(f"{scene.yan.uri}/notes/1")

    assert (proved.activity.object_id, proved.relayed) == (f"{scene.yan.uri}/notes/1", ())
    assert wire.asked == []


def test_announce_inside_an_announce_is_not_unpacked(scene: Scene, wire: Wire) -> None:
    inner = build.announce(actor=scene.yan.uri, object=scene.create.document, published=datetime.now(UTC), to=[PUBLIC])
    inner = scene.world.identified(inner)
    wire.serve(str(inner.id), dict(inner.document))

    proved = scene.announced(inner.document)

    assert [activity.id for activity in proved.relayed] == [inner.id]


@pytest.mark.parametrize("is_proved", [True, False])
def test_forwarded_activity_is_proved_like_an_announced_one(scene: Scene, wire: Wire, is_proved: bool) -> None:
    """Without an Announce around it, signed by who forwards it."""
    document = scene.world.proved(scene.create).document
    sent = document if is_proved else scene.create.document
    wire.serve(str(scene.create.id), dict(document))

    proved = prove(sent, signer=scene.pond.uri, budget=FetchBudget(20))

    assert proved.activity.id == scene.create.id
    assert wire.asked == ([] if is_proved else [scene.create.id])


def _spoil(scene: Scene, how: str) -> dict[str, Any]:
    proved = dict(scene.world.proved(scene.create).document)
    match how:
        case "changed words":
            return proved | {"object": _forged(scene)}
        case "somebody elses proof":
            xan = scene.world.actor("xan", "remote", host="lake.example")
            return add_proof(
                dict(scene.create.document),
                verification_method=f"{xan.uri}#ed25519-key",
                private_key=scene.world.proof_keys[xan.uri],
                created=datetime.now(UTC),
            )
        case "an expired proof":
            return proved | {"proof": proved["proof"] | {"expires": "2020-01-01T00:00:00Z"}}
    return dict(scene.create.document)


def _forged(scene: Scene) -> dict[str, Any]:
    activity: Activity = scene.create
    return dict(activity.document["object"]) | {"content": "<p>never said</p>"}
