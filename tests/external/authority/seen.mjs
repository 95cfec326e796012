// What was asked of the authority, for tests of cooldowns, of one fetch in flight, and of what a request gives away.

const COUNTED = ["metadata", "jwks", "token", "introspection", "revocation", "registration", "authorization"];
const KEPT = 500;

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
