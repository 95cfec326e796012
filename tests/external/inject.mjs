// A loopback proxy that adds an Authorization header to every request, for clients that can't send one: the official
// conformance suite has no such option. Everything else passes as it is: method, path, Host, Origin, status, and bodies
// as they arrive, so that event streams stream. When one side goes away, so does the other.
//
//   node inject.mjs UPSTREAM_PORT TOKEN      prints the port that it listens on

import http from "node:http";
import { pipeline } from "node:stream";

const [upstream, token] = process.argv.slice(2);
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "proxy-connection", "te", "upgrade"]);

// Headers as they were written, as [name, value, …]: names keep their case, repeated ones stay repeated.
function passed(raw, without) {
  const kept = [];
  for (let i = 0; i < raw.length; i += 2) if (!without.has(raw[i].toLowerCase())) kept.push(raw[i], raw[i + 1]);
  return kept;
}

const server = http.createServer((request, response) => {
  const headers = passed(request.rawHeaders, new Set([...HOP_BY_HOP, "authorization"]));
  headers.push("Authorization", `Bearer ${token}`, "Connection", "close");
  if (request.headers["transfer-encoding"]) headers.push("Transfer-Encoding", "chunked");
  const { method, url: path } = request;
  const target = { host: "127.0.0.1", port: upstream, method, path, headers, agent: false };
  const onward = http.request(target, (answer) => {
    response.writeHead(answer.statusCode, answer.statusMessage, passed(answer.rawHeaders, HOP_BY_HOP));
    response.flushHeaders();
    // Whichever side breaks off, both are destroyed: a stream that was cut must not look like one that ended.
    pipeline(answer, response, () => {});
  });
  onward.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  response.on("close", () => onward.destroy());
  pipeline(request, onward, () => {});
});
// A stream may be silent for as long as it likes.
server.requestTimeout = 0;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
