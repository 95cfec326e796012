// The authorization code flow with PKCE, as a browser and a client would go through it: through the issuer's own port.

import crypto from "node:crypto";

import { fields, Wrong } from "./wrong.mjs";

const CALLBACK = "http://127.0.0.1:1/callback"; // nobody listens there: the code is taken from the redirect

export async function login({ issuer }, given) {
  const { client_id = "app", account = "ada", scope = "mcp", resource } =
    fields(given, "client_id", "account", "scope", "resource");
  if (!resource) throw new Wrong("resource is needed");
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const verifier = crypto.randomBytes(32).toString("base64url");
  const challenge = crypto.createHash("sha256").update(verifier).digest("base64url");
  const state = crypto.randomUUID();
  const common = { client_id, redirect_uri: CALLBACK, resource };
  const asked = { response_type: "code", scope, state, login_hint: account, prompt: "consent" };
  const query = { ...common, ...asked, code_challenge: challenge, code_challenge_method: "S256" };
  const found = await follow(`${metadata.authorization_endpoint}?${new URLSearchParams(query)}`);
  if (found.get("error")) throw new Wrong(`${found.get("error")}: ${found.get("error_description")}`);
  const { redirect_uri } = common;
  const code = { client_id, redirect_uri, resource, grant_type: "authorization_code", code: found.get("code") };
  const body = new URLSearchParams({ ...code, code_verifier: verifier });
  const answer = await (await fetch(metadata.token_endpoint, { method: "POST", body })).json();
  if (answer.error) throw new Wrong(`${answer.error}: ${answer.error_description}`);
  return answer;
}

async function follow(url) {
  const cookies = new Map();
  for (let hops = 0; hops < 10; hops++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = set.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    if (!location) throw new Wrong(`${answer.status} at ${url}: ${await answer.text()}`);
    url = new URL(location, url);
    if (url.href.startsWith(CALLBACK)) return url.searchParams;
  }
  throw new Wrong("too many redirects");
}
