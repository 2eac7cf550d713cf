/** The peer's actors, their keys and what may be fetched from it. */

import { generateCryptoKeyPair } from "@fedify/fedify";
import {
  Accept,
  Announce,
  Create,
  Delete,
  Endpoints,
  Follow,
  Group,
  Like,
  Note,
  Person,
  PUBLIC_COLLECTION,
  Tombstone,
  Undo,
  Update,
} from "@fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";

import { ACTORS } from "./state.mjs";

const SENT_TYPES = [Accept, Announce, Create, Delete, Follow, Like, Undo, Update];
const STARTED_AT = Temporal.Now.instant();

export function registerActors(federation, state) {
  const keys = new Map();
  federation
    .setActorDispatcher("/users/{identifier}", (ctx, identifier) => describeActor(ctx, identifier))
    .mapHandle((_ctx, username) => (ACTORS.includes(username) ? username : null))
    .setKeyPairsDispatcher((_ctx, identifier) => keyPairs(keys, identifier));
  federation.setFollowersDispatcher("/users/{identifier}/followers", (_ctx, identifier) => {
    const followers = state.followers.get(identifier);
    return followers && { items: [...followers.values()].map(({ recipient }) => recipient) };
  });
  federation.setFollowingDispatcher("/users/{identifier}/following", (_ctx, identifier) =>
    identifier === "alice" ? { items: acceptedTargets(state) } : { items: [] });
  federation.setOutboxDispatcher("/users/{identifier}/outbox", (ctx, identifier) => ({
    items: publicActivities(state, ctx.getActorUri(identifier)),
  }));
  federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
    software: { name: "shoal-e2e-peer", version: "1.0.0" },
    protocols: ["activitypub"],
    usage: { users: { total: 1 }, localPosts: state.notes.size, localComments: 0 },
  }));
}

/** Notes and activities are fetchable; what is not public only by a server it was sent to. */
export function registerObjects(federation, state) {
  federation
    .setObjectDispatcher(Note, "/notes/{id}", (_ctx, { id }) => {
      const entry = state.notes.get(id);
      return entry == null || entry.isDeleted ? null : entry.note;
    })
    .authorize((ctx, { id }) => mayRead(ctx, state.notes.get(id)?.note));
  for (const type of SENT_TYPES) {
    federation
      .setObjectDispatcher(type, `/activities/${type.name.toLowerCase()}/{id}`, (ctx, values) =>
        state.activities.get(ctx.getObjectUri(type, values).href) ?? null)
      .authorize((ctx, values) =>
        mayRead(ctx, state.activities.get(ctx.getObjectUri(type, values).href)));
  }
}

/** The Tombstone of a note we deleted, or null. */
export function findTombstone(state, url) {
  const id = url.pathname.match(/^\/notes\/([^/]+)$/)?.[1];
  const entry = state.notes.get(id);
  return entry?.isDeleted ? new Tombstone({ id: entry.note.id, deleted: entry.deletedAt }) : null;
}

async function describeActor(ctx, identifier) {
  if (!ACTORS.includes(identifier)) return null;
  const type = identifier === "room" ? Group : Person;
  const pairs = await ctx.getActorKeyPairs(identifier);
  return new type({
    id: ctx.getActorUri(identifier),
    preferredUsername: identifier,
    name: identifier === "room" ? "The Room" : "Alice of Fedify",
    summary: "An actor of Shoal's end-to-end tests.",
    published: STARTED_AT,
    url: ctx.getActorUri(identifier),
    inbox: ctx.getInboxUri(identifier),
    outbox: ctx.getOutboxUri(identifier),
    followers: ctx.getFollowersUri(identifier),
    following: ctx.getFollowingUri(identifier),
    endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
    manuallyApprovesFollowers: false,
    publicKey: pairs[0].cryptographicKey,
    assertionMethods: pairs.map((pair) => pair.multikey),
  });
}

async function keyPairs(keys, identifier) {
  if (!ACTORS.includes(identifier)) return [];
  if (!keys.has(identifier)) {
    // The promise is kept, not its value: two requests at once must see the same keys.
    keys.set(identifier, Promise.all([
      generateCryptoKeyPair("RSASSA-PKCS1-v1_5"),
      generateCryptoKeyPair("Ed25519"),
    ]));
  }
  return await keys.get(identifier);
}

function acceptedTargets(state) {
  return [...state.following]
    .filter(([, { state: status }]) => status === "accepted")
    .map(([target]) => new URL(target));
}

function publicActivities(state, actorUri) {
  return [...state.activities.values()]
    .filter((activity) => activity.actorId?.href === actorUri.href && isPublic(activity))
    .reverse();
}

async function mayRead(ctx, object) {
  if (object == null || isPublic(object)) return true;
  const asker = await ctx.getSignedKeyOwner();
  return asker?.id != null &&
    audience(object).some((uri) => uri.origin === asker.id.origin);
}

const isPublic = (object) => audience(object).some((uri) => uri.href === PUBLIC_COLLECTION.href);

const audience = (object) => [...object.toIds, ...object.ccIds];
