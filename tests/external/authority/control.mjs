// The control interface: JSON in, JSON out. It is no part of what an authorization server offers.
//
//   GET  /control/info      issuer, control address, current keys, JWKS, scopes
//   GET  /control/seen      requests by endpoint, and the most at once
//   GET  /control/requests  each with its method, URL and headers
//   GET  /control/received  {text}: all that came in at the issuer's port, byte for byte
//   POST /control/token     a token, or an array of them: see `token`
//   POST /control/login     the authorization code flow as a user: see `login`
//   POST /control/revoke    {token}: an opaque one, or a refresh token
//   POST /control/rotate    {keep}: new keys; the old ones stay published unless it is false
//   POST /control/behave    {endpoint: mode or {mode, …}}: see trouble.mjs
//   POST /control/listen    {on}: false closes the issuer's port, true opens it again
//   POST /control/register  {clients, accounts, resources, documents}
//   POST /control/reset     no trouble, nothing seen; keys, tokens and clients stay

import crypto from "node:crypto";

import { login } from "./login.mjs";
import { fields, without, Wrong } from "./wrong.mjs";

const CLAIMS = ["sub", "client_id", "scope", "agent_id", "agent_type", "tenant"];
const SIGNING = ["alg", "key", "secret", "header", "kid", "embed"];

export class Control {
  constructor(authority) {
    this.authority = authority;
  }

  async answer(request, response) {
    const { pathname } = new URL(request.url, "http://control");
    const action = this[`${request.method} ${pathname.slice("/control/".length)}`];
    let [status, body] = [200, {}];
    try {
      if (!action) throw new Wrong(`no ${request.method} ${pathname}`);
      body = (await action.call(this, await read(request))) ?? {};
    } catch (error) {
      if (!(error instanceof Wrong)) console.error(error);
      [status, body] = [error instanceof Wrong ? 400 : 500, { error: error.message }];
    }
    const text = JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  }

  "GET info"() {
    const { issuer, control, keys, world } = this.authority;
    return { issuer, control, scopes: [...world.scopes], ...keys.describe() };
  }

  "GET seen"() {
    const { requests, most_at_once } = this.authority.seen;
    return { requests, most_at_once };
  }

  "GET requests"() {
    return { requests: this.authority.seen.log };
  }

  "GET received"() {
    return { text: Buffer.concat(this.authority.seen.received).toString("latin1") };
  }

  async "POST token"(given) {
    return Array.isArray(given) ? Promise.all(given.map((one) => this.token(one))) : this.token(given);
  }

  "POST login"(given) {
    return login(this.authority, given);
  }

  async "POST revoke"(given) {
    const { token } = fields(given, "token");
    const { world } = this.authority;
    const found = ["AccessToken", "ClientCredentials", "RefreshToken"].filter((it) => world.table(it).delete(token));
    return { revoked: found.length > 0 };
  }

  async "POST rotate"(given) {
    const { keep = true } = fields(given, "keep");
    const { keys } = this.authority;
    const old = keys.published.map((key) => key.kid);
    await keys.rotate({ keep });
    this.authority.remake();
    return { old, ...keys.describe() };
  }

  "POST behave"(given) {
    this.authority.trouble.behave(given);
  }

  "POST listen"(given) {
    const { on } = fields(given, "on");
    return this.authority.listen(on);
  }

  "POST register"(given) {
    const { clients = [], accounts = [], resources = [], documents = {} } =
      fields(given, "clients", "accounts", "resources", "documents");
    const { world } = this.authority;
    for (const client of clients) world.addClient(client);
    for (const account of accounts) world.addAccount(account);
    for (const resource of resources) world.addResource(resource);
    for (const [url, document] of Object.entries(documents)) world.documents.set(url, { client_id: url, ...document });
    this.authority.remake(); // its scopes are the provider's own
  }

  "POST reset"() {
    this.authority.trouble.behaviours = {};
    this.authority.seen.clear();
  }

  // A token that says what the test wants it to, whether or not a conforming server would issue it.
  async token(given) {
    fields(given, "format", "claims", "expires_in", "audience", "resource", "issuer", ...CLAIMS, ...SIGNING);
    const { format = "jwt", claims = {}, expires_in = 3600 } = given;
    const audience = given.audience === undefined ? given.resource : given.audience;
    if (audience === undefined && !("aud" in claims)) throw new Wrong("audience or resource is needed; null: none");
    const now = Math.floor(Date.now() / 1000);
    const usual = { sub: "ada", client_id: "service", scope: "mcp" };
    const said = { ...usual, agent_id: "ada", agent_type: "reader", tenant: "acme" };
    for (const name of CLAIMS) if (given[name] !== undefined) said[name] = given[name];
    const all = {
      iss: given.issuer === undefined ? this.authority.issuer : given.issuer,
      aud: audience ?? null,
      iat: now,
      exp: now + expires_in,
      jti: crypto.randomUUID(),
      ...said,
      ...claims,
    };
    if (format === "jwt") return { token: await this.authority.keys.sign(all, given), claims: without(all) };
    if (format !== "opaque") throw new Wrong('format is "jwt" or "opaque"');
    return { token: await this.opaque(all, now + expires_in, { ...given, audience }), claims: without(all) };
  }

  // In the provider's store, as if it had issued it; what it can't hold is laid over its introspection.
  async opaque(all, exp, { audience, issuer, claims = {} }) {
    const { provider, world } = this.authority;
    const client = await provider.Client.find(all.client_id ?? "service");
    if (!client) throw new Wrong(`no client "${all.client_id}"`);
    const { agent_id, agent_type, tenant } = all;
    const plain = { client, accountId: all.sub ?? undefined, scope: all.scope ?? undefined };
    const token = new provider.AccessToken(plain);
    token.aud = audience ?? undefined;
    token.exp = exp;
    world.forged.set(token, without({ agent_id, agent_type, tenant }));
    const value = await token.save();
    const over = { ...claims, ...(issuer !== undefined && { iss: issuer }) };
    if (all.client_id === null) over.client_id = null;
    if (Object.keys(over).length) world.said.set(value, over);
    return value;
  }
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (!chunks.length) return {};
  try {
    return JSON.parse(Buffer.concat(chunks));
  } catch (error) {
    throw new Wrong(`the body is no JSON: ${error.message}`);
  }
}
