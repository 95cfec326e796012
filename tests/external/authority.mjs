// A real authorization server for tests: oidc-provider on loopback, and an interface to make it misbehave.
//
//   node authority.mjs [--port 0] [--path /realms/acme] [--modules NODE_MODULES] [--with-parent]
//
// Prints `authority on ISSUER` when it is ready. What a test may ask of it is in authority/control.mjs: under /control
// at the issuer's port, and at one of its own (`control` in /control/info), which answers also while the issuer's is
// closed. --path: an issuer with a path (RFC 8414 section 3.1). --with-parent: it ends when its standard input does.

import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { Control } from "./authority/control.mjs";
import { Keys } from "./authority/keys.mjs";
import { interact, makeProvider, World } from "./authority/provider.mjs";
import { Seen } from "./authority/seen.mjs";
import { Trouble } from "./authority/trouble.mjs";

const WELL_KNOWN = "/.well-known/oauth-authorization-server";
const ENDPOINTS = [
  ["metadata", /^\/\.well-known\/(oauth-authorization-server|openid-configuration)$/],
  ["jwks", /^\/jwks$/],
  ["introspection", /^\/token\/introspection$/],
  ["revocation", /^\/token\/revocation$/],
  ["token", /^\/token$/],
  ["registration", /^\/reg(\/|$)/],
  ["authorization", /^\/auth(\/|$)/],
  ["interaction", /^\/interaction\//],
  ["moved", /^\/moved\//],
];

class Authority {
  seen = new Seen();
  trouble = new Trouble();
  world = new World();
  control_interface = new Control(this);
  server = http.createServer((request, response) => this.serve(request, response));

  static async start(library, { port, prefix }) {
    const authority = new Authority();
    Object.assign(authority, { library, prefix, keys: await Keys.made() });
    const control = http.createServer((request, response) => authority.control_interface.answer(request, response));
    authority.control = `http://127.0.0.1:${await opened(control, 0)}`;
    authority.server.on("connection", (socket) => authority.seen.hear(socket));
    authority.port = await opened(authority.server, port);
    authority.issuer = `http://127.0.0.1:${authority.port}${prefix}`;
    authority.remake();
    return authority;
  }

  // The library reads keys and scopes once. Everything else is in the store: what was issued stays good.
  remake() {
    this.provider = makeProvider(this.library, this.issuer, this.keys, this.world);
    this.handle = this.provider.callback();
  }

  async listen(on) {
    if (on && !this.server.listening) await opened(this.server, this.port);
    if (!on && this.server.listening) {
      const closed = new Promise((resolve) => this.server.close(resolve));
      this.server.closeAllConnections();
      await closed;
    }
    return { on: this.server.listening };
  }

  async serve(request, response) {
    if (request.url.startsWith("/control/")) return this.control_interface.answer(request, response);
    const inside = this.inside(request.url);
    const [pathname] = (inside ?? "").split("?");
    request.endpoint = ENDPOINTS.find(([, pattern]) => pattern.test(pathname))?.[0] ?? "other";
    request.moved = `${this.prefix}/moved${inside}`;
    this.seen.note(request, response);
    if (inside === undefined) return response.writeHead(404).end();
    if (await this.trouble.answered(request, response, this.keys)) return;
    request.url = inside.replace(/^\/moved\//, "/");
    request.originalUrl = this.prefix + request.url; // where the library sees that it is mounted
    if (request.endpoint !== "interaction") return this.handle(request, response);
    await interact(this.provider, request, response).catch((error) => {
      response.writeHead(400, { "content-type": "text/plain" }).end(error.message);
    });
  }

  // A URL without the issuer's path, which is at its beginning, or, for RFC 8414, at its end.
  inside(url) {
    if (url === WELL_KNOWN + this.prefix) return WELL_KNOWN;
    return url.startsWith(`${this.prefix}/`) ? url.slice(this.prefix.length) : undefined;
  }
}

function opened(server, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server.address().port));
  });
}

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    path: { type: "string", default: "" },
    modules: { type: "string", default: path.join(import.meta.dirname, "../.tools/node/node_modules") },
    "with-parent": { type: "boolean", default: false },
  },
});
console.info = console.error; // standard output is for the one line
const found = createRequire(path.join(path.resolve(values.modules), "_")).resolve("oidc-provider");
const library = await import(pathToFileURL(found));
const authority = await Authority.start(library, { port: Number(values.port), prefix: values.path.replace(/\/$/, "") });
console.log(`authority on ${authority.issuer}`);
if (values["with-parent"]) process.stdin.on("end", () => process.exit()).resume();
