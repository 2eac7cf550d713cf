/**
 * A small ActivityPub server on Fedify, the third party of Shoal's end-to-end tests.
 *
 * PEER_ORIGIN is its public origin. It listens on two free loopback ports and prints them as one line of
 * JSON when it is ready: `port` for the TLS proxy, `control` for the tests.
 */

import "./platform.mjs";

import { AsyncLocalStorage } from "node:async_hooks";

import {
  createExponentialBackoffPolicy,
  createFederation,
  InProcessMessageQueue,
  MemoryKvStore,
} from "@fedify/fedify";
import { configure, getConsoleSink } from "@logtape/logtape";

import { registerActors, registerObjects } from "./actors.mjs";
import { registerInbox } from "./inbox.mjs";
import { createState } from "./state.mjs";
import { serveControl, serveFederation } from "./web.mjs";

await configure({
  contextLocalStorage: new AsyncLocalStorage(),
  sinks: { console: getConsoleSink() },
  loggers: [
    { category: "fedify", lowestLevel: process.env.PEER_LOG_LEVEL ?? "info", sinks: ["console"] },
    { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["console"] },
  ],
});

const state = createState(process.env.PEER_ORIGIN);
const federation = createFederation({
  kv: new MemoryKvStore(),
  queue: new InProcessMessageQueue({ pollInterval: { milliseconds: 50 } }),
  origin: state.origin,
  allowPrivateAddress: true,
  // A server that was down is tried again within seconds, so that a test need not wait for hours.
  outboxRetryPolicy: createExponentialBackoffPolicy({
    initialDelay: { milliseconds: 500 },
    maxDelay: { seconds: 2 },
    maxAttempts: 60,
  }),
  // Off for the same reason: an open breaker would hold everything back for half an hour.
  circuitBreaker: false,
  onOutboxError: (error, activity) => {
    state.outboxErrors.push({ activity: activity?.id?.href ?? null, error: String(error) });
  },
});
registerActors(federation, state);
registerObjects(federation, state);
registerInbox(federation, state);

const port = await serveFederation(federation, state);
const control = await serveControl(federation, state);
console.log(JSON.stringify({ port, control }));
