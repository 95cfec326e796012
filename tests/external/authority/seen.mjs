// What was asked of the authority, for tests of cooldowns, of one fetch in flight, and of what a request gives away.

const COUNTED = ["metadata", "jwks", "token", "introspection", "revocation", "registration", "authorization"];
const KEPT = 500;
const KEPT_BYTES = 8 << 20;

export class Seen {
  constructor() {
    this.clear();
  }

  clear() {
    const zeros = () => Object.fromEntries([...COUNTED, "interaction", "moved", "other"].map((it) => [it, 0]));
    this.requests = zeros();
    this.most_at_once = zeros();
    this.in_flight = zeros();
    this.log = [];
    this.received = [];
    this.bytes = 0;
  }

  // All that comes in on a connection, whoever sends it, and whether or not anyone reads it as a request.
  hear(socket) {
    socket.on("data", (chunk) => {
      this.bytes += chunk.length;
      if (this.bytes <= KEPT_BYTES) this.received.push(chunk);
    });
  }

  note(request, response) {
    const { endpoint, method, url, rawHeaders } = request;
    const { in_flight } = this;
    this.requests[endpoint] += 1;
    in_flight[endpoint] += 1;
    this.most_at_once[endpoint] = Math.max(this.most_at_once[endpoint], in_flight[endpoint]);
    response.once("close", () => (in_flight[endpoint] -= 1));
    if (this.log.length < KEPT) this.log.push({ endpoint, method, url, headers: rawHeaders });
  }
}
