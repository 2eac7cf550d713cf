/** What the peer sends, as Fedify's own queue signs, orders and retries it. */

import { randomUUID } from "node:crypto";

import {
  Accept,
  Announce,
  Create,
  Delete,
  Follow,
  isActor,
  Like,
  Mention,
  Note,
  PUBLIC_COLLECTION,
  Tombstone,
  Undo,
  Update,
} from "@fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";

const SENDER = "alice";

/** The object behind a handle or URI, asked for with alice's signature; throws when there is none. */
export async function resolve(ctx, target) {
  const documentLoader = await ctx.getDocumentLoader({ identifier: SENDER });
  const object = await ctx.lookupObject(target, { documentLoader });
  if (object == null) throw new Error(`nothing found at ${target}`);
  return object;
}

export async function follow(state, ctx, { target }) {
  const actor = await resolveActor(state, ctx, target);
  const activity = newActivity(ctx, Follow, SENDER, { object: actor.id, to: actor.id });
  state.following.set(actor.id.href, { state: "pending", follow: activity });
  await send(state, ctx, SENDER, [actor], activity);
  return { target: actor.id.href, activity: activity.id.href };
}

export async function unfollow(state, ctx, { target }) {
  const actor = await resolveActor(state, ctx, target);
  const entry = state.following.get(actor.id.href);
  if (entry == null) throw new Error(`${target} is not followed`);
  state.following.delete(actor.id.href);
  return await undo(state, ctx, [actor], entry.follow);
}

export async function acceptFollow(state, ctx, identifier, followed, follower) {
  const activity = newActivity(ctx, Accept, identifier, { object: followed, to: follower.id });
  await send(state, ctx, identifier, [follower], activity);
}

/**
 * @param {{to: string[], content: string, kind: "dm"|"public"|"channel", inReplyTo?: string}} request
 *   `to` holds handles or URIs of actors: the readers of a dm, the mentioned of a public note, or the channel.
 */
export async function sendNote(state, ctx, { to, content, kind, inReplyTo, mention = true }) {
  const actors = await Promise.all(to.map((target) => resolveActor(state, ctx, target)));
  const uuid = randomUUID();
  const note = new Note({
    id: ctx.getObjectUri(Note, { id: uuid }),
    attribution: ctx.getActorUri(SENDER),
    content: `<p>${content}</p>`,
    published: Temporal.Now.instant(),
    replyTarget: inReplyTo == null ? null : new URL(inReplyTo),
    tags: mention ? actors.map(mentionOf) : [],
    ...addressing(ctx, kind, actors),
  });
  const entry = { note, actors, kind, isDeleted: false, deletedAt: null };
  state.notes.set(uuid, entry);
  const activity = newActivity(ctx, Create, SENDER, { object: note, ...audienceOf(note) });
  await sendAboutNote(state, ctx, entry, activity);
  return { note: note.id.href, activity: activity.id.href };
}

export async function editNote(state, ctx, { note, content }) {
  const entry = findNote(state, ctx, note);
  entry.note = entry.note.clone({ content: `<p>${content}</p>`, updated: Temporal.Now.instant() });
  const activity = newActivity(ctx, Update, SENDER, { object: entry.note, ...audienceOf(entry.note) });
  await sendAboutNote(state, ctx, entry, activity);
  return { activity: activity.id.href };
}

export async function deleteNote(state, ctx, { note }) {
  const entry = findNote(state, ctx, note);
  entry.isDeleted = true;
  entry.deletedAt = Temporal.Now.instant();
  const activity = newActivity(ctx, Delete, SENDER, {
    object: new Tombstone({ id: entry.note.id, deleted: entry.deletedAt }),
    ...audienceOf(entry.note),
  });
  await sendAboutNote(state, ctx, entry, activity);
  return { activity: activity.id.href };
}

export async function like(state, ctx, { uri, content }) {
  const author = await authorOf(state, ctx, uri);
  const activity = newActivity(ctx, Like, SENDER, {
    object: new URL(uri),
    to: author.id,
    content: content ?? null,
  });
  await send(state, ctx, SENDER, [author], activity);
  return { activity: activity.id.href };
}

/** Undoes a Like or an Announce of ours by its activity URI. */
export async function unlike(state, ctx, { activity, uri }) {
  const undone = state.activities.get(activity);
  if (undone == null) throw new Error(`${activity} was never sent`);
  return await undo(state, ctx, [await authorOf(state, ctx, uri)], undone);
}

export async function announce(state, ctx, { uri }) {
  const author = await authorOf(state, ctx, uri);
  const activity = newActivity(ctx, Announce, SENDER, {
    object: new URL(uri),
    to: PUBLIC_COLLECTION,
    ccs: [author.id, ctx.getFollowersUri(SENDER)],
  });
  await send(state, ctx, SENDER, [author, ...followersOf(state, SENDER)], activity);
  return { activity: activity.id.href };
}

/** As both families of server expect it of a Group: the note's URI, and the Create itself (FEP-1b12). */
export async function relayToFollowers(state, ctx, identifier, create, note) {
  for (const object of [note.id, create]) {
    const activity = newActivity(ctx, Announce, identifier, {
      object,
      to: PUBLIC_COLLECTION,
      cc: ctx.getFollowersUri(identifier),
    });
    await send(state, ctx, identifier, followersOf(state, identifier), activity);
  }
}

async function undo(state, ctx, recipients, undone) {
  const activity = newActivity(ctx, Undo, SENDER, {
    object: undone,
    tos: recipients.map((actor) => actor.id),
  });
  await send(state, ctx, SENDER, recipients, activity);
  return { activity: activity.id.href };
}

async function sendAboutNote(state, ctx, entry, activity) {
  const readers = entry.kind === "public" ? followersOf(state, SENDER) : [];
  await send(state, ctx, SENDER, [...entry.actors, ...readers], activity);
}

async function send(state, ctx, identifier, recipients, activity) {
  state.activities.set(activity.id.href, activity);
  await ctx.sendActivity({ identifier }, recipients, activity, {
    preferSharedInbox: activity.toIds.some((uri) => uri.href === PUBLIC_COLLECTION.href),
    // One key for all an actor says: what it asked for first is first tried. A retry may still be overtaken.
    orderingKey: identifier,
  });
}

function newActivity(ctx, type, identifier, values) {
  const id = ctx.getObjectUri(type, { id: randomUUID() });
  return new type({ id, actor: ctx.getActorUri(identifier), ...values });
}

function addressing(ctx, kind, actors) {
  const uris = actors.map((actor) => actor.id);
  if (kind === "dm") return { tos: uris, ccs: [] };
  if (kind === "channel") return { tos: [PUBLIC_COLLECTION, ...uris], ccs: [], audiences: uris };
  if (kind === "public") return { tos: [PUBLIC_COLLECTION], ccs: [ctx.getFollowersUri(SENDER), ...uris] };
  throw new Error(`unknown kind ${kind}`);
}

const audienceOf = (note) => ({ tos: note.toIds, ccs: note.ccIds, audiences: note.audienceIds });

const followersOf = (state, identifier) =>
  [...state.followers.get(identifier).values()].map(({ recipient }) => recipient);

const mentionOf = (actor) =>
  new Mention({ href: actor.id, name: `@${actor.preferredUsername}@${actor.id.host}` });

/** An actor once seen is known from then on, as it is to any server: its home may be down when we write to it. */
async function resolveActor(state, ctx, target) {
  const known = state.actors.get(target);
  if (known != null) return known;
  const actor = await resolve(ctx, target);
  if (!isActor(actor)) throw new Error(`${target} is not an actor`);
  state.actors.set(target, actor).set(actor.id.href, actor);
  return actor;
}

async function authorOf(state, ctx, uri) {
  const object = await resolve(ctx, uri);
  if (object.attributionId == null) throw new Error(`${uri} has no author`);
  return await resolveActor(state, ctx, object.attributionId.href);
}

function findNote(state, ctx, uri) {
  const parsed = ctx.parseUri(new URL(uri));
  const entry = parsed?.type === "object" ? state.notes.get(parsed.values.id) : null;
  if (entry == null || entry.isDeleted) throw new Error(`${uri} is not a note of ours`);
  return entry;
}
