"""Submit: all of what one of ours does is stored, or nothing, and once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from activitypub import build
from activitypub.documents import Activity
from app import sealing
from app.act import Act, LiveEvent
from app.db import transaction
from app.effects import EFFECTS
from app.errors import ConflictError, ForbiddenError, NotFoundError, ReusedKeyError
from app.pipeline import compose, perform, submit
from app.pipeline.enqueue import enqueue
from app.pipeline.perform import local_act
from tests.founding import URIS
from tests.together import at_once
from tests.world import World, moment


class Scripted:
    """An effect that notes when it is asked, and answers as a test says."""

    def __init__(self, steps: list[str], *answers: Activity) -> None:
        self.steps, self.answers = steps, answers

    def authorise(self, act: Act) -> None:
        self.steps.append(f"authorise {act.activity.type}")

    def apply(self, act: Act) -> list[Activity]:
        self.steps.append(f"apply {act.activity.type}")
        act.publish(LiveEvent("test"))
        return list(self.answers)


def view(world: World) -> Activity:
    return build._activity("View", world.bob.uri, world.alice.uri, to=[world.alice.uri])


def read(world: World) -> Activity:
    return build._activity("Read", world.alice.uri, world.bob.uri, to=[world.bob.uri])


@pytest.fixture
def steps(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the steps, as they are taken, for a View and for the Read that answers it."""
    taken: list[str] = []
    for name in ("record", "publish", "enqueue"):
        monkeypatch.setattr(perform, name, _noted(taken, name, getattr(perform, name)))
    monkeypatch.setitem(EFFECTS, "View", Scripted(taken, read(world)))
    monkeypatch.setitem(EFFECTS, "Read", Scripted(taken))
    return taken


def _noted(taken: list[str], name: str, step: Callable[[Act], None]) -> Callable[[Act], None]:
    def noted(act: Act) -> None:
        taken.append(f"{name} {act.activity.type}")
        step(act)

    return noted


def test_steps_are_taken_in_their_order_and_answers_come_last(world: World, steps: list[str]) -> None:
    submit(view(world))

    order = ("authorise", "record", "apply", "publish", "enqueue")
    assert steps == [f"{step} {type_}" for type_ in ("View", "Read") for step in order]


def test_answer_is_stored_with_what_it_answers(world: World, steps: list[str]) -> None:
    submit(view(world))

    assert [row.type for row in world.log()[-2:]] == ["View", "Read"]
    assert world.events() == ["test", "test"]


@pytest.mark.parametrize("step", ["record", "publish", "enqueue", "apply"])
@pytest.mark.parametrize("type_", ["View", "Read"])
def test_whatever_step_fails_nothing_is_kept(
    world: World, steps: list[str], monkeypatch: pytest.MonkeyPatch, step: str, type_: str
) -> None:
    class Failed(Exception):
        """Not one of ours."""

    def fail(act: Act) -> Any:
        original(act)
        if act.activity.type == type_:
            raise Failed

    owner: Any = EFFECTS[type_] if step == "apply" else perform
    original = getattr(owner, step)
    before = world.stored()
    monkeypatch.setattr(owner, step, lambda act: fail(act) or [read(world)])

    with pytest.raises(Failed):
        submit(view(world))

    assert world.stored() == before
    assert world.wakes == []


def test_activities_that_answer_one_another_without_end_are_a_mistake(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EFFECTS, "View", Scripted([], view(world)))
    before = world.stored()

    with pytest.raises(RuntimeError, match="without end"):
        submit(view(world))

    assert world.stored() == before


def test_workers_and_sockets_are_woken_after_the_commit_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote")])
    woken_inside: list[Any] = []

    def look(act: Act) -> None:
        enqueue(act)
        woken_inside.extend(world.wakes)

    monkeypatch.setattr(perform, "enqueue", look)

    world.say(world.bob, lobby, "hello")

    assert woken_inside == []
    assert world.wakes == [("events", ""), ("deliver", "pond.example")]


def test_outcome_names_what_was_recorded(world: World) -> None:
    lobby = world.channel("lobby")

    outcome = submit(compose.channel_message(world.viewer(world.bob), lobby.id, "hello"))

    row = world.logged(outcome.uri)
    assert (row.id, row.uri, row.actor_id) == (outcome.id, URIS.activity(outcome.id), world.bob.id)
    assert not outcome.is_repeat


def test_key_made_in_a_transaction_that_failed_is_not_used_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each channel's texts have a data key, made with the first of them."""
    lobby = world.channel("lobby")
    with monkeypatch.context() as patch:
        patch.setattr(perform, "publish", lambda act: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.say(world.bob, lobby, "lost")

    uri = world.say(world.bob, lobby, "kept")
    sealing._data_keys.clear()

    assert world.text(uri) == "kept"


# Who submits.


def test_actor_that_is_gone_does_nothing(world: World) -> None:
    activity = build.follow(actor=URIS.user("user_nobody"), object=world.bob.uri)

    with world.refuses(NotFoundError):
        submit(activity)


def test_nobody_elsewhere_is_made_to_act(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    with world.refuses(ForbiddenError):
        submit(build.follow(actor=zoe.uri, object=world.bob.uri))


def test_id_that_a_caller_gives_is_replaced_in_the_document_too(world: World) -> None:
    activity = build.with_id(build.follow(actor=world.bob.uri, object=world.alice.uri), "https://evil.example/1")

    with transaction() as session:
        act = local_act(session, URIS, activity, now=moment())

    assert act.activity.id == act.activity.document["id"] == URIS.activity(act.id)


# Idempotency keys.


def test_request_repeated_with_its_key_is_done_once(world: World) -> None:
    lobby = world.channel("lobby")

    def send() -> Any:
        activity = compose.channel_message(world.viewer(world.bob), lobby.id, "hello")
        return submit(activity, idempotency_key="key")

    first = send()
    before = world.stored()
    second = send()

    assert world.stored() == before
    assert (second.id, second.uri, second.is_repeat) == (first.id, first.uri, True)
    assert world.message(second.found["object_uri"]).id == first.found["message_id"]
    assert world.texts(lobby) == ["hello"]


def test_same_request_at_the_same_moment_is_done_once(world: World) -> None:
    lobby = world.channel("lobby")

    def send() -> Any:
        activity = compose.channel_message(world.viewer(world.bob), lobby.id, "hello")
        return submit(activity, idempotency_key="key")

    outcomes = at_once(send, times=4)

    assert len({outcome.id for outcome in outcomes}) == 1
    assert sorted(outcome.is_repeat for outcome in outcomes) == [False, True, True, True]
    assert world.texts(lobby) == ["hello"]


def test_key_of_another_request_is_refused(world: World) -> None:
    lobby = world.channel("lobby")

    def send(text: str) -> Any:
        activity = compose.channel_message(world.viewer(world.bob), lobby.id, text)
        return submit(activity, idempotency_key="key", request_digest=text)

    send("hello")
    with world.refuses(ReusedKeyError):
        send("good bye")

    assert send("hello").is_repeat
    assert world.texts(lobby) == ["hello"]


def test_key_is_its_actors_own(world: World) -> None:
    lobby = world.channel("lobby")

    for person in (world.alice, world.bob):
        submit(compose.channel_message(world.viewer(person), lobby.id, person.name), idempotency_key="key")

    assert world.texts(lobby) == ["alice", "bob"]


def test_long_keys_that_begin_alike_are_two(world: World) -> None:
    lobby = world.channel("lobby")

    for end in ("1", "2"):
        activity = compose.channel_message(world.viewer(world.bob), lobby.id, end)
        submit(activity, idempotency_key="k" * 300 + end)

    assert world.texts(lobby) == ["1", "2"]


def test_request_that_was_refused_may_be_made_again_with_its_key(world: World) -> None:
    lobby = world.channel("lobby")
    world.change_account(world.bob, timed_out_until=moment(hours=1))
    activity = compose.channel_message(world.viewer(world.bob), lobby.id, "hello")
    with world.refuses(ForbiddenError):
        submit(activity, idempotency_key="key")

    world.change_account(world.bob, timed_out_until=None)
    submit(activity, idempotency_key="key")

    assert world.texts(lobby) == ["hello"]


def test_who_loses_a_race_is_told_to_try_again(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    outcomes = at_once(lambda: submit(build.follow(actor=world.bob.uri, object=zoe.uri)), times=4)

    assert all(isinstance(outcome, ConflictError | perform.Outcome) for outcome in outcomes)
    assert world.followers(zoe, state="pending") == ["bob"]
