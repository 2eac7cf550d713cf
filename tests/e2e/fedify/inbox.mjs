/** What the peer does with activities others send it. */

import { Accept, Activity, Announce, Create, Follow, Like, Note, Reject, Undo } from "@fedify/vocab";

import { acceptFollow, relayToFollowers } from "./outbox.mjs";

export function registerInbox(federation, state) {
  federation
    .setInboxListeners("/users/{identifier}/inbox", "/inbox")
    // Key fetches are signed, so that servers which demand it can be talked to.
    .setSharedKeyDispatcher(() => ({ identifier: "alice" }))
    .on(Follow, recorded(state, onFollow))
    .on(Accept, recorded(state, (...args) => onAnswer("accepted", ...args)))
    .on(Reject, recorded(state, (...args) => onAnswer("rejected", ...args)))
    .on(Undo, recorded(state, onUndo))
    .on(Like, recorded(state, onLike))
    .on(Announce, recorded(state, onAnnounce))
    .on(Create, recorded(state, onCreate))
    .on(Activity, recorded(state, () => {}));
}

/** Acts first and records after, so that a test which sees the activity also sees its effect. */
function recorded(state, act) {
  return async (ctx, activity) => {
    await act(state, ctx, activity);
    state.inbox.push({ recipient: ctx.recipient, activity: await activity.toJsonLd() });
  };
}

async function onFollow(state, ctx, follow) {
  const target = ctx.parseUri(follow.objectId);
  if (target?.type !== "actor" || !state.followers.has(target.identifier)) return;
  const follower = await follow.getActor(ctx);
  if (follower?.id == null) return;
  state.followers.get(target.identifier).set(follower.id.href, {
    recipient: follower,
    followId: follow.id.href,
  });
  await acceptFollow(state, ctx, target.identifier, follow, follower);
}

/** Only the followed actor may answer, and only a Follow we really sent. */
function onAnswer(status, state, _ctx, answer) {
  for (const [target, entry] of state.following) {
    const isOurs = entry.follow.id.href === answer.objectId?.href;
    if (isOurs && target === answer.actorId?.href) entry.state = status;
  }
}

function onUndo(state, _ctx, undo) {
  const undone = undo.objectId?.href;
  const actor = undo.actorId?.href;
  for (const followers of state.followers.values()) {
    if (followers.get(actor)?.followId === undone) followers.delete(actor);
  }
  if (state.likes.get(undone)?.actor === actor) state.likes.delete(undone);
}

function onLike(state, _ctx, like) {
  state.likes.set(like.id.href, {
    actor: like.actorId?.href,
    object: like.objectId?.href,
    content: like.content?.toString() ?? null,
  });
}

/** Fetches what was announced, as a microblog server does to show it. */
async function onAnnounce(state, ctx, announce) {
  const entry = { id: announce.id.href, actor: announce.actorId?.href, object: null, error: null };
  try {
    const object = await announce.getObject(ctx);
    entry.object = object == null ? null : await object.toJsonLd();
  } catch (error) {
    entry.error = String(error);
  }
  state.announced.push(entry);
}

/** The Group relays what is addressed to it; alice only reads. */
async function onCreate(state, ctx, create) {
  const room = ctx.getActorUri("room").href;
  const isForRoom = [...create.toIds, ...create.ccIds].some((uri) => uri.href === room);
  const note = isForRoom ? await create.getObject(ctx) : null;
  if (note instanceof Note) await relayToFollowers(state, ctx, "room", create, note);
}
