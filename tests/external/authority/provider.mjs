// oidc-provider, set up: JWT (RFC 9068) and opaque access tokens, resource indicators (RFC 8707), introspection,
// revocation, registration, client ID metadata documents, and a login that completes by itself.

import crypto from "node:crypto";

import { fields, without, Wrong } from "./wrong.mjs";

// Any loopback MCP server is a resource; others are registered.
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+\/mcp$/;
const SCOPES = ["mcp", "invoices:read", "invoices:write", "misc:use", "docs:read", "docs:write", "admin"];
const CALLBACK = "http://127.0.0.1/callback"; // a native client's: any port (RFC 8252)

// What the authority knows, beside keys: it outlives them, and the provider is made anew with each rotation.
export class World {
  agents = new Map(); // of client_id or account → what its tokens say
  formats = new Map(); // of client_id → "jwt" or "opaque", whatever the resource's own is
  resources = new Map();
  documents = new Map(); // of URL → client ID metadata document
  forged = new WeakMap(); // of token → what it says, from the control interface
  said = new Map(); // of opaque token → what its introspection says instead
  scopes = new Set(SCOPES);
  tables = new Map();
  cookies = [crypto.randomBytes(24).toString("hex")];

  constructor() {
    const machine = { grant_types: ["client_credentials"], response_types: [], redirect_uris: [] };
    const app = { token_endpoint_auth_method: "none", application_type: "native", redirect_uris: [CALLBACK] };
    const granted = { grant_types: ["authorization_code", "refresh_token"] };
    for (const format of ["jwt", "opaque"]) {
      const end = format === "jwt" ? "" : "-opaque";
      const agent = { agent_id: `service${end}`, agent_type: "reader", tenant: "acme" };
      const service = { client_id: `service${end}`, client_secret: "service-secret", ...machine };
      this.addClient({ ...service, access_token_format: format, ...agent });
      this.addClient({ client_id: `app${end}`, access_token_format: format, ...app, ...granted });
    }
    this.addClient({ client_id: "introspector", client_secret: "introspector-secret", ...machine });
    this.addAccount({ sub: "ada", agent_id: "ada", agent_type: "reader", tenant: "acme" });
  }

  addClient({ agent_id, agent_type, tenant, access_token_format, ...metadata }) {
    if (typeof metadata.client_id !== "string") throw new Wrong("client_id is needed");
    this.agents.set(metadata.client_id, { agent_id, agent_type, tenant });
    if (access_token_format) this.formats.set(metadata.client_id, access_token_format);
    this.table("Client").set(metadata.client_id, metadata);
  }

  addAccount(account) {
    const { sub, ...agent } = fields(account, "sub", "agent_id", "agent_type", "tenant");
    if (typeof sub !== "string") throw new Wrong("sub is needed");
    this.agents.set(sub, agent);
  }

  addResource(resource) {
    fields(resource, "resource", "scopes", "format", "alg", "expires_in", "audience");
    if (typeof resource.resource !== "string") throw new Wrong("resource is needed");
    this.resources.set(resource.resource, resource);
    for (const scope of resource.scopes ?? []) this.scopes.add(scope);
  }

  table(name) {
    if (!this.tables.has(name)) this.tables.set(name, new Map());
    return this.tables.get(name);
  }

  // The library's own keeps a thousand entries in all, too few for a thousand tokens. Nothing is dropped here: what has
  // expired is refused by its `exp`.
  adapter(name) {
    const table = this.table(name);
    const by = (key, value) => [...table.values()].find((entry) => entry[key] === value);
    return {
      upsert: async (id, payload) => {
        // The scopes with which a client registers are no bound on what it may ask for later. If they were, the SDK's
        // client could never step up: it registers with those of the first challenge.
        const { scope, ...unbound } = payload;
        table.set(id, name === "Client" ? unbound : payload);
      },
      find: async (id) => table.get(id),
      findByUid: async (uid) => by("uid", uid),
      findByUserCode: async (code) => by("userCode", code),
      consume: async (id) => void (table.get(id).consumed = Math.floor(Date.now() / 1000)),
      destroy: async (id) => void table.delete(id),
      revokeByGrantId: async (grant) => {
        for (const [id, entry] of table) if (entry.grantId === grant) table.delete(id);
      },
    };
  }
}

export function makeProvider({ Provider, errors }, issuer, keys, world) {
  const prefix = new URL(issuer).pathname.replace(/\/$/, "");
  const hour = 3600;

  // RFC 8707: a resource is a server for which there are tokens, and the audience that they get.
  function getResourceServerInfo(_, resource, client) {
    const known = world.resources.get(resource) ?? (LOOPBACK.test(resource) ? {} : undefined);
    if (!known) throw new errors.InvalidTarget();
    const alg = known.alg ?? "RS256";
    return {
      scope: (known.scopes ?? [...world.scopes]).join(" "),
      audience: known.audience ?? resource,
      accessTokenTTL: known.expires_in ?? hour,
      accessTokenFormat: world.formats.get(client.clientId) ?? known.format ?? "jwt",
      jwt: { sign: { alg, kid: keys.current(alg)?.kid } },
    };
  }

  const provider = new Provider(issuer, {
    adapter: (name) => world.adapter(name),
    jwks: keys.secrets(),
    scopes: ["openid", "offline_access", ...world.scopes],
    claims: { openid: ["sub"] },
    clientDefaults: { grant_types: ["authorization_code", "refresh_token"] },
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post"],
    cookies: { keys: world.cookies },
    pkce: { required: () => true },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    extraTokenClaims: (_, token) => world.forged.get(token) ?? world.agents.get(token.accountId ?? token.clientId),
    interactions: { url: (_, { uid }) => `${prefix}/interaction/${uid}` },
    renderError: (ctx, out) => void (ctx.body = out),
    ttl: {
      AccessToken: (_, token) => token.resourceServer?.accessTokenTTL ?? hour,
      ClientCredentials: (_, token) => token.resourceServer?.accessTokenTTL ?? hour,
      ...Object.fromEntries(["Grant", "IdToken", "Interaction", "RefreshToken", "Session"].map((it) => [it, hour])),
      AuthorizationCode: 60,
    },
    // A client ID metadata document is where the test put it, and nowhere else.
    fetch: (url) => {
      const found = world.documents.get(String(url));
      return found ? Response.json(found) : new Response("no such document", { status: 404 });
    },
    features: {
      clientCredentials: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: "draft-02" },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      introspection: { enabled: true, allowedPolicy: (_, client) => client.clientAuthMethod !== "none" },
      pushedAuthorizationRequests: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo, useGrantedResource: () => true },
      revocation: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
  });

  provider.on("server_error", (_, error) => console.error(error));
  provider.use(async (ctx, next) => {
    await next();
    const said = ctx.req.endpoint === "introspection" && ctx.body?.active && world.said.get(ctx.oidc.params.token);
    if (said) ctx.body = without({ ...ctx.body, ...said });
    if (ctx.req.patch && ctx.body) ctx.body = without({ ...ctx.body, ...ctx.req.patch });
  });
  return provider;
}

// Login and consent, without anyone there: the account is the `login_hint`, and everything is granted.
export async function interact(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: params.login_hint ?? "ada" } });
  }
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known ?? new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
  grant.addOIDCScope(missingOIDCScope.join(" "));
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) {
    grant.addResourceScope(resource, scopes.join(" "));
  }
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}
