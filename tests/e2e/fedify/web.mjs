/** The two HTTP servers: the federated one and the loopback one the tests steer by. */

import { createServer } from "node:http";

import { findTombstone } from "./actors.mjs";
import * as outbox from "./outbox.mjs";
import { describeState } from "./state.mjs";

const COMMANDS = {
  follow: outbox.follow,
  unfollow: outbox.unfollow,
  send: outbox.sendNote,
  edit: outbox.editNote,
  delete: outbox.deleteNote,
  like: outbox.like,
  unlike: outbox.unlike,
  announce: outbox.announce,
  lookup: async (_state, ctx, { target }) => await (await outbox.resolve(ctx, target)).toJsonLd(),
};

/** Serves the federation on a loopback port; the TLS proxy in front leaves requests as they are. */
export async function serveFederation(federation, state) {
  return await listen(async (incoming) => {
    const body = await readBody(incoming);
    const request = asRequest(state.origin, incoming, body);
    const response = await answer(federation, state, request);
    if (incoming.method === "POST") state.deliveries.push(describeDelivery(incoming, body, response));
    return response;
  });
}

export async function serveControl(federation, state) {
  return await listen(async (incoming) => {
    const command = incoming.url.replace("/control/", "");
    if (command === "state") return Response.json(describeState(state));
    if (!Object.hasOwn(COMMANDS, command)) return Response.json({ error: "unknown command" }, { status: 404 });
    const ctx = federation.createContext(new URL(state.origin));
    const parameters = JSON.parse((await readBody(incoming)).toString() || "{}");
    try {
      return Response.json(await COMMANDS[command](state, ctx, parameters));
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 422 });
    }
  });
}

async function answer(federation, state, request) {
  const tombstone = findTombstone(state, new URL(request.url));
  if (tombstone == null) return await federation.fetch(request, { contextData: undefined });
  return new Response(JSON.stringify(await tombstone.toJsonLd()), {
    status: 410,
    headers: { "Content-Type": "application/activity+json" },
  });
}

function describeDelivery(incoming, body, response) {
  const { headers } = incoming;
  const scheme = headers["signature-input"] != null ? "rfc9421" : "cavage";
  return {
    path: incoming.url,
    status: response.status,
    signature: headers.signature == null ? null : scheme,
    activity: parseOrNull(body),
  };
}

function parseOrNull(body) {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null; // Whatever was posted is noted; it need not be JSON.
  }
}

/** The request under the public origin, because that is the URL its sender signed. */
function asRequest(origin, incoming, body) {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i], incoming.rawHeaders[i + 1]);
  }
  const hasBody = !["GET", "HEAD"].includes(incoming.method);
  return new Request(new URL(incoming.url, origin), {
    method: incoming.method,
    headers,
    body: hasBody ? body : undefined,
  });
}

async function readBody(incoming) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Listens on a free loopback port and returns it. */
async function listen(handle) {
  const server = createServer(async (incoming, outgoing) => {
    const response = await handle(incoming).catch((error) => {
      console.error(error);
      return new Response(null, { status: 500 });
    });
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server.address().port;
}
