/** What the peer knows and has seen; in memory, gone with the process. */

export const ACTORS = ["alice", "room"];

/** @param {string} origin the peer's public origin, without a trailing slash */
export function createState(origin) {
  return {
    origin,
    /** actors of other servers we have met, by each handle or URI they were asked for by */
    actors: new Map(),
    /** identifier -> actor URI -> { recipient, followId } */
    followers: new Map(ACTORS.map((identifier) => [identifier, new Map()])),
    /** target URI -> { state: pending|accepted|rejected, follow } */
    following: new Map(),
    /** activities Fedify verified and handed to a listener, oldest first */
    inbox: [],
    /** what a received Announce of an object led to when we fetched that object */
    announced: [],
    /** every POST to one of our inboxes, refused ones too */
    deliveries: [],
    /** like id -> { actor, object } */
    likes: new Map(),
    /** our notes: uuid -> { note, audience, isDeleted } */
    notes: new Map(),
    /** our activities by URI */
    activities: new Map(),
    outboxErrors: [],
  };
}

/** The state as the control API shows it. */
export function describeState(state) {
  return {
    origin: state.origin,
    followers: Object.fromEntries(
      [...state.followers].map(([identifier, followers]) => [identifier, [...followers.keys()]]),
    ),
    following: Object.fromEntries(
      [...state.following].map(([target, { state: status }]) => [target, status]),
    ),
    inbox: state.inbox,
    announced: state.announced,
    deliveries: state.deliveries,
    likes: Object.fromEntries(state.likes),
    outbox_errors: state.outboxErrors,
  };
}
