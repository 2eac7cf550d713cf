// Goes through every flow with a client that is strict about the standards. A line out asks for what only a person can
// do, a line in answers it; the last line tells what came of it all.

import { createInterface } from "node:readline";
import * as oauth from "oauth4webapi";

const issuer = new URL(process.env.ISSUER);
const resource = new URL("/api/v1/users/profile", issuer);
const redirect = "https://app.test/cb";
const scope = "account:read message:read";
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(question) {
  console.log(JSON.stringify(question));
  return JSON.parse((await lines.next()).value);
}

async function nameOf(token) {
  const answer = await oauth.protectedResourceRequest(token, "POST", resource, new Headers());
  return (await answer.json()).user_data.username;
}

async function isRefused(token) {
  try {
    await oauth.protectedResourceRequest(token, "POST", resource, new Headers());
    return false;
  } catch (error) {
    return error instanceof oauth.WWWAuthenticateChallengeError;
  }
}

const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: "oauth2" }),
);

async function register(method) {
  const answer = await oauth.dynamicClientRegistrationRequest(server, {
    client_name: `Strict (${method})`,
    redirect_uris: [redirect],
    grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
    response_types: ["code"],
    token_endpoint_auth_method: method,
    scope,
  });
  return oauth.processDynamicClientRegistrationResponse(answer);
}

async function codeFlow(client, authentication) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirect,
    scope,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  })) {
    url.searchParams.set(name, value);
  }
  const { sentTo } = await ask({ visit: url.href });
  const parameters = oauth.validateAuthResponse(server, client, new URL(sentTo), state);
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authentication,
    parameters,
    redirect,
    verifier,
  );
  return oauth.processAuthorizationCodeResponse(server, client, answer);
}

async function deviceFlow(client) {
  const asked = await oauth.processDeviceAuthorizationResponse(
    server,
    client,
    await oauth.deviceAuthorizationRequest(server, client, oauth.None(), { scope }),
  );
  let pending;
  try {
    await pollDevice(client, asked.device_code);
  } catch (error) {
    pending = error.error;
  }
  await ask({ type: asked.user_code, at: asked.verification_uri });
  return { pending, tokens: await pollDevice(client, asked.device_code) };
}

async function pollDevice(client, code) {
  const answer = await oauth.deviceCodeGrantRequest(server, client, oauth.None(), code);
  return oauth.processDeviceCodeResponse(server, client, answer);
}

const told = {};

const browserApp = await register("none");
told.code = await nameOf((await codeFlow(browserApp, oauth.None())).access_token);

const app = await register("client_secret_basic");
const secret = oauth.ClientSecretBasic(app.client_secret);
const first = await codeFlow(app, secret);
const second = await oauth.processRefreshTokenResponse(
  server,
  app,
  await oauth.refreshTokenGrantRequest(server, app, secret, first.refresh_token),
);
told.refreshed = await nameOf(second.access_token);
told.rotated = second.refresh_token !== first.refresh_token;

async function introspect(token) {
  return oauth.processIntrospectionResponse(server, app, await oauth.introspectionRequest(server, app, secret, token));
}

told.active = (await introspect(second.access_token)).active;
await oauth.processRevocationResponse(await oauth.revocationRequest(server, app, secret, second.refresh_token));
told.activeAfterwards = (await introspect(second.access_token)).active;
told.refusedAfterwards = await isRefused(second.access_token);

const device = await deviceFlow(browserApp);
told.pending = device.pending;
told.device = await nameOf(device.tokens.access_token);

const made = await ask({ bot: "account:read" });
const bot = { client_id: made.client_id };
const botTokens = await oauth.processClientCredentialsResponse(
  server,
  bot,
  await oauth.clientCredentialsGrantRequest(server, bot, oauth.ClientSecretBasic(made.client_secret), {
    scope: "account:read",
  }),
);
told.bot = await nameOf(botTokens.access_token);

console.log(JSON.stringify({ told }));
process.exit(0);
