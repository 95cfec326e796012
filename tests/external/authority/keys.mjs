// The authority's keys, and tokens signed with them in every way that a verifier has to judge, also those that no
// conforming server would issue.

import crypto from "node:crypto";
import { promisify } from "node:util";

import { without, Wrong } from "./wrong.mjs";

const generate = promisify(crypto.generateKeyPair);
const RSA = ["rsa", { modulusLength: 2048 }];
// One key for each name. "PS256" says no `alg` in the JWKS, so that it is good for every algorithm of RSA.
const MADE = {
  RS256: RSA,
  PS256: RSA,
  ES256: ["ec", { namedCurve: "P-256" }],
  ES384: ["ec", { namedCurve: "P-384" }],
  ES512: ["ec", { namedCurve: "P-521" }],
  EdDSA: ["ed25519", {}],
};
const NAMED = { RS384: "PS256", RS512: "PS256", PS384: "PS256", PS512: "PS256", Ed25519: "EdDSA" };

async function make(name) {
  const [type, options] = MADE[name];
  const { privateKey, publicKey } = await generate(type, options);
  // Random: the keys of two authorities, or of one that was started again, are told apart by their `kid`.
  const kid = `${name.toLowerCase()}-${crypto.randomBytes(6).toString("hex")}`;
  const labels = { kid, use: "sig", ...(name !== "PS256" && { alg: name }) };
  return { name, kid, privateKey, publicKey, labels };
}

const jwk = (key, secret) => ({ ...(secret ? key.privateKey : key.publicKey).export({ format: "jwk" }), ...key.labels });

export class Keys {
  // Newest first. The first of a name is its current key.
  published = [];
  ever = new Map();
  foreign = new Map();

  static async made() {
    const keys = new Keys();
    await keys.rotate({ keep: false });
    return keys;
  }

  // A new key of each name; the old ones stay in the JWKS, or don't.
  async rotate({ keep }) {
    const fresh = await Promise.all(Object.keys(MADE).map(make));
    this.published = [...fresh, ...(keep ? this.published : [])];
    for (const key of fresh) this.ever.set(key.kid, key);
  }

  current(name) {
    return this.published.find((key) => key.name === name);
  }

  // By algorithm, by `kid` (published or not), or "foreign": a key of that algorithm that was never published.
  async find(which, alg) {
    if (which === "foreign") {
      const name = NAMED[alg] ?? (MADE[alg] ? alg : "RS256");
      if (!this.foreign.has(name)) this.foreign.set(name, await make(name));
      return this.foreign.get(name);
    }
    const key = this.ever.get(which) ?? this.current(NAMED[which] ?? which);
    if (!key) throw new Wrong(`no key "${which}": a kid, "foreign", or one of ${Object.keys(MADE)}`);
    return key;
  }

  jwks() {
    return { keys: this.published.map((key) => jwk(key)) };
  }

  // For the provider itself.
  secrets() {
    return { keys: this.published.map((key) => jwk(key, true)) };
  }

  describe() {
    const one = (key) => ({ kid: key.kid, jwk: jwk(key), pem: key.publicKey.export({ type: "spki", format: "pem" }) });
    const current = Object.fromEntries(Object.keys(MADE).map((name) => [name, one(this.current(name))]));
    return { current, jwks: this.jwks() };
  }

  // A compact JWS. `header` is laid over `{alg, typ, kid}`; what is null there, or in `claims`, is left out.
  async sign(claims, { alg = "RS256", key: which, secret = "pem", header = {}, kid, embed = false }) {
    const symmetric = /^HS(256|384|512)$/.test(alg);
    const key = await this.find(which ?? (symmetric || alg === "none" ? "RS256" : alg), alg);
    const labels = { alg, typ: "at+jwt", kid: kid === undefined ? key.kid : kid, ...(embed && { jwk: jwk(key) }) };
    const encoded = [{ ...labels, ...header }, claims].map((part) => base64url(JSON.stringify(without(part))));
    return `${encoded.join(".")}.${signature(alg, key, secret, encoded.join("."))}`;
  }
}

const base64url = (text) => Buffer.from(text).toString("base64url");

function signature(alg, key, secret, input) {
  if (alg === "none") return "";
  const hash = alg.startsWith("Ed") ? null : `sha${alg.slice(2)}`;
  if (alg.startsWith("HS")) return crypto.createHmac(hash, hmacKey(key, secret)).update(input).digest("base64url");
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = crypto.constants;
  const options = { key: key.privateKey, dsaEncoding: "ieee-p1363" };
  if (alg.startsWith("PS")) Object.assign(options, { padding, saltLength });
  try {
    return crypto.sign(hash, Buffer.from(input), options).toString("base64url");
  } catch (error) {
    throw new Wrong(`${alg} doesn't go with the key ${key.kid}: ${error.message}`);
  }
}

// What a verifier that mixes up kinds of keys would take for the secret: the public key, in one of its spellings.
function hmacKey(key, secret) {
  switch (secret) {
    case "pem":
      return key.publicKey.export({ type: "spki", format: "pem" });
    case "der":
      return key.publicKey.export({ type: "spki", format: "der" });
    case "jwk":
      return JSON.stringify(jwk(key));
    default:
      return Buffer.from(secret);
  }
}
