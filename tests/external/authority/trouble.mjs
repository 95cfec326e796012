// How an authorization server fails those who ask it: by endpoint, as the control interface says.

import { pipeline, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { fields, Wrong } from "./wrong.mjs";

const ENDPOINTS = ["metadata", "jwks", "token", "introspection", "revocation", "registration", "authorization"];
const MODES = ["ok", "huge", "many", "redirect", "slow", "drip", "down", "error", "garbage", "patch", "answer"];
const FIELDS = ["mode", "times", "bytes", "keys", "ms", "status", "headers", "body", "patch"];
const FILLER = "x".repeat(16 << 10);

export class Trouble {
  behaviours = {};

  behave(given) {
    const behaviours = {};
    for (const [endpoint, value] of Object.entries(fields(given, ...ENDPOINTS))) {
      const behaviour = typeof value === "string" ? { mode: value } : fields(value, ...FIELDS);
      behaviour.mode ??= behaviour.patch ? "patch" : "answer";
      const { mode } = behaviour;
      if (!MODES.includes(mode)) throw new Wrong(`no mode "${mode}"; there are ${MODES.join(", ")}`);
      behaviours[endpoint] = { ...behaviour, times: behaviour.times ?? Infinity };
    }
    Object.assign(this.behaviours, behaviours);
  }

  // Whether that was the answer. If not, the provider gives its own.
  async answered(request, response, keys) {
    const now = this.behaviours[request.endpoint];
    if (!now || now.mode === "ok" || now.times <= 0) return false;
    now.times -= 1;
    const json = { "content-type": "application/json" };
    switch (now.mode) {
      case "patch":
        request.patch = now.patch;
        return false;
      case "slow":
        await sleep(now.ms ?? 10_000);
        return response.destroyed;
      case "down":
        request.socket.destroy();
        return true;
      case "error":
        return end(response, now.status ?? 503, json, '{"error":"server_error"}');
      case "garbage":
        return end(response, 200, json, '{"keys": [{"kty": "RSA", "n": \u0000');
      case "answer":
        return end(response, now.status ?? 200, { ...json, ...now.headers }, now.body ?? "");
      case "redirect":
        // What is there is right: who follows gets what it wants, and is found out.
        return end(response, now.status ?? 307, { location: request.moved }, "");
      case "many": {
        // The true ones come last.
        const { keys: real } = keys.jwks();
        const other = Array.from({ length: now.keys ?? 150 }, (_, i) => ({ ...real.at(-1), kid: `filler-${i}` }));
        return end(response, 200, json, JSON.stringify({ keys: [...other, ...real] }));
      }
      case "huge":
        return huge(response, keys, now.bytes ?? 8 << 20);
      case "drip":
        return drip(response, now.ms ?? 200);
    }
  }
}

function end(response, status, headers, body) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, headers).end(text);
  return true;
}

// A JWKS that would be right if anyone read it to its end. Chunked: its length isn't said beforehand.
function huge(response, keys, bytes) {
  function* parts() {
    yield '{"padding":"';
    for (let sent = 0; sent < bytes; sent += FILLER.length) yield FILLER;
    yield `",${JSON.stringify(keys.jwks()).slice(1)}`;
  }
  response.writeHead(200, { "content-type": "application/json" });
  pipeline(Readable.from(parts()), response, () => {});
  return true;
}

// White space, for ever: each byte comes in time, and the answer never does.
async function drip(response, ms) {
  response.writeHead(200, { "content-type": "application/json" });
  while (!response.destroyed) {
    response.write(" ");
    await sleep(ms);
  }
  return true;
}
