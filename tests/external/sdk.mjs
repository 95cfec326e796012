// The official TypeScript SDKs against the fixture: stdio and HTTP. Of 2.x, which speaks both generations, both, and tasks
// with the official package for them; of 1.x the earlier one.
//
//   node sdk.mjs NODE_MODULES SETUP      SETUP is what typescript.py says: how to start the fixture, or where it listens
//
// Prints one JSON line: what was checked, or the first thing that isn't as it should be.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, said] = process.argv.slice(2);
const setup = JSON.parse(said);
const require = createRequire(pathToFileURL(modules + "/"));

class Failed extends Error {}
let checks = 0;

function check(what, holds, seen) {
  if (!holds) throw new Failed(`${what}: ${JSON.stringify(seen)?.slice(0, 2000)}`);
  checks += 1;
}

function clean(what, seen) {
  const text = typeof seen === "string" ? seen : JSON.stringify(seen);
  const spelled = setup.private.flatMap((it) => [it, JSON.stringify(it).slice(1, -1)]);
  for (const it of spelled) check(`${what} without ${it}`, !text.includes(it), text);
}

const same = (left, right) => JSON.stringify(left) === JSON.stringify(right);
const decoded = (blob) => Buffer.from(blob, "base64");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function refused(what, attempt, code, message = "") {
  let result;
  try {
    result = await attempt;
  } catch (error) {
    check(what, error.code === code && error.message.includes(message), { code: error.code, message: error.message });
    clean(what, { message: error.message, data: error.data });
    return;
  }
  check(what, false, result);
}

async function until(what, holds, seen) {
  for (const end = Date.now() + 5000; !holds() && Date.now() < end; ) await sleep(10);
  check(what, holds(), seen);
}

// What is behind the client: it answers questions, and remembers what it was asked and told.
class Host {
  action = "accept";
  asked = [];
  logged = [];
  told = [];

  elicit(request) {
    this.asked.push(request);
    const content = JSON.stringify(request).includes('"sure"') ? { sure: true, times: 2 } : { topic: "tea" };
    return this.action === "accept" && request.params.mode !== "url" ? { action: "accept", content } : { action: this.action };
  }

  sample(request) {
    this.asked.push(request);
    return { role: "assistant", model: "a-model", content: { type: "text", text: "I say ada@example.com" } };
  }

  roots() {
    return { roots: [{ uri: "file:///srv/one" }, { uri: "file:///srv/two" }] };
  }

  get updated() {
    return this.told.filter((it) => it.method.endsWith("updated")).map((it) => it.params.uri);
  }
}

const METHODS = ["elicitation/create", "sampling/createMessage", "roots/list"];
const CHANGES = ["resources/updated", "resources/list_changed", "prompts/list_changed", "tools/list_changed"];
// The earlier generation's -32002 is the later one's -32602 to 2.x.
const NOT_FOUND = setup.line === 2 ? -32602 : -32002;
const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const INFO = { name: "a-client", version: "1" };

// What differs between the two lines of the SDK.
const LINES = {
  2: () => {
    const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
    const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");
    const negotiated = setup.modern ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {};
    return {
      Stdio: StdioClientTransport,
      Http: StreamableHTTPClientTransport,
      client: (options) => new Client(INFO, { ...negotiated, ...options }),
      on: (client, method, handler) => client.setRequestHandler(method, handler),
      hear: (client, method, handler) => client.setNotificationHandler(method, handler),
    };
  },
  1: () => {
    const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
    const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
    const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const types = require("@modelcontextprotocol/sdk/types.js");
    const schemas = Object.fromEntries(
      Object.values(types).flatMap((it) => {
        const method = it?.shape?.method?.value ?? it?.shape?.method?._def?.value;
        return method ? [[method, it]] : [];
      }),
    );
    return {
      Stdio: StdioClientTransport,
      Http: StreamableHTTPClientTransport,
      client: (options) => new Client(INFO, options),
      on: (client, method, handler) => client.setRequestHandler(schemas[method], handler),
      hear: (client, method, handler) => client.setNotificationHandler(schemas[method], handler),
    };
  },
};
const sdk = LINES[setup.line]();

function transport(token = setup.token) {
  if (setup.url) {
    return new sdk.Http(new URL(setup.url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } });
  }
  return new sdk.Stdio({ command: setup.command, args: setup.args.shift(), env: setup.env, stderr: "ignore" });
}

async function connected(host, then) {
  const client = sdk.client(host ? { capabilities: CAPABILITIES } : {});
  if (host) {
    const answers = [(it) => host.elicit(it), (it) => host.sample(it), () => host.roots()];
    METHODS.forEach((method, at) => sdk.on(client, method, async (request) => answers[at](request)));
    for (const change of CHANGES) sdk.hear(client, `notifications/${change}`, (it) => void host.told.push(it));
    sdk.hear(client, "notifications/message", (it) => void host.logged.push(it));
  }
  await client.connect(transport());
  try {
    return await then(client);
  } finally {
    await client.close();
  }
}

const call = (client, name, args = {}, options) => client.callTool({ name, arguments: args, ...options?.params }, ...(setup.line === 1 ? [undefined, options] : [options]));
const names = (list) => list.map((it) => it.name);

// A page of a list, the first unless a cursor is given.
const page = (client, list, params) => client[list](params);

async function tools(client) {
  const seen = names((await page(client, "listTools")).tools);
  check("sees what is granted", ["get_invoice", "hello", "docs_read"].every((it) => seen.includes(it)), seen);
  check("sees nothing else", !["purge", "refund", "unlisted", "docs_write"].some((it) => seen.includes(it)), seen);
  const invoice = await call(client, "get_invoice", { id: "INV-1" });
  check("structure", invoice.structuredContent.customer === "ACME", invoice);
  // The SDK validates structured content against the published schema and throws if it doesn't fit.
  for (const tool of ["contact", "contact_list", "whoami", "journal", "echo"]) {
    const result = await call(client, tool, tool === "echo" ? { value: { email: "ada@example.com" } } : {});
    check(tool, !result.isError && result.structuredContent, result);
    clean(tool, result);
  }
  for (const tool of ["contact_text", "contact_blocks", "contact_error", "explode", "fail_internal"]) {
    const result = await call(client, tool);
    check(tool, Boolean(result.isError) === !["contact_text", "contact_blocks"].includes(tool), result);
    clean(tool, result);
  }
  for (const hidden of ["purge", "no_such_tool"]) {
    await refused(`${hidden} is not there`, call(client, hidden), -32602, `Unknown tool: ${hidden}`);
  }
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 200);
  const slow = await call(client, "slow", { ms: 60_000 }, { signal: stop.signal }).catch((error) => error);
  check("cancelled", slow instanceof Error, slow);
  const journal = await call(client, "journal");
  check("stopped", journal.structuredContent.slow.ended === 0, journal);
  const results = [];
  for (let at = 0; at < 6; at += 1) results.push(await call(client, "limited"));
  check("a rate limit", same(results.map((it) => Boolean(it.isError)), [false, false, false, false, false, true]), results);
  check("says when", results[5]._meta["doorman/retryAfterMs"] > 0, results[5]);
}

async function resources(client) {
  const uris = (await client.listResources()).resources.map((it) => it.uri).sort();
  check("resources", same(uris, setup.resources), uris);
  const templates = (await client.listResourceTemplates()).resourceTemplates.map((it) => it.uriTemplate).sort();
  check("templates", same(templates, setup.templates), templates);
  const read = async (uri) => (await client.readResource({ uri })).contents;
  const [welcome] = await read("memo://welcome");
  check("text", welcome.text === "# Welcome" && welcome.mimeType === "text/markdown", welcome);
  const [noise] = await read("memo://noise");
  check("blob", decoded(noise.blob).equals(decoded(setup.noise)) && noise.mimeType === "image/png", noise);
  const [page] = await read("pages://one%20book/3");
  check("a template", page.text === "one book, page 3", page);
  for (const uri of ["memo://contact", "memo://contact.bin", "invoice://INV-1"]) {
    const [contents] = await read(uri);
    const text = contents.text ?? decoded(contents.blob).toString();
    check(uri, text.includes("redacted:email"), contents);
    clean(uri, text);
  }
  for (const uri of setup.hiddenResources) await refused(`${uri} is not there`, read(uri), NOT_FOUND, "Resource not found");
  await refused("no number", read("pages://a/12"), -32602, "number");
  for (const how of ["panic", "internal"]) await refused(how, read(`faulty://${how}`), -32603, "incident");
}

async function prompts(client) {
  const seen = names((await client.listPrompts()).prompts).sort();
  check("prompts", same(seen, setup.prompts), seen);
  const get = (name, args) => client.getPrompt({ name, arguments: args });
  const remind = await get("remind", { id: "INV-1", tone: "firm", days: "3" });
  check("a prompt", remind.messages[0].content.text === "Remind firmly of INV-1 in 3 days.", remind);
  const introduce = await get("introduce");
  check("redacted", JSON.stringify(introduce).split("redacted:email").length === 3, introduce);
  clean("introduce", introduce);
  for (const name of setup.hiddenPrompts) {
    await refused(`${name} is not there`, get(name, { year: "2025" }), -32602, `Unknown prompt: ${name}`);
  }
  const interview = await get("interview");
  check("a prompt that asks", interview.messages[0].content.text === "Ask about tea.", interview);
}

async function completions(client) {
  const complete = async (ref, name, value) => (await client.complete({ ref, argument: { name, value } })).completion.values;
  const remind = { type: "ref/prompt", name: "remind" };
  check("completes a prompt", same(await complete(remind, "id", "INV-1"), ["INV-1", "INV-10"]));
  check("completes a choice", same(await complete(remind, "tone", "k"), ["kind"]));
  const ids = await complete({ type: "ref/resource", uri: "invoice://{id}" }, "id", "");
  check("completes a template", same(ids, ["INV-1", "INV-2", "INV-10", "alice"]), ids);
  for (const name of setup.hiddenPrompts) {
    const ref = { type: "ref/prompt", name };
    await refused(`completes no ${name}`, complete(ref, "year", ""), -32602, `Unknown prompt: ${name}`);
  }
  for (const [uri, variable] of Object.entries(setup.hiddenTemplates)) {
    const ref = { type: "ref/resource", uri };
    await refused(`completes no ${uri}`, complete(ref, variable, ""), -32602, "Unknown resource template");
  }
}

async function questions(client, host) {
  host.asked.length = 0;
  const done = await call(client, "confirm", { id: "INV-1" });
  check("accepted", done.content[0].text === "did INV-1 2 times", done);
  for (const action of ["decline", "cancel"]) {
    host.action = action;
    const result = await call(client, "confirm", { id: "INV-1" });
    check(action, result.isError, result);
  }
  host.action = "accept";
  const turn = await call(client, "ask_in_turn");
  check("one after the other", turn.content[0].text === "tea and tea", turn);
  check("nobody is asked twice", host.asked.length === 5, host.asked);
  const once = await call(client, "ask_at_once");
  check("all at once", once.content[0].text === "tea; I say «redacted:email»; file:///srv/one file:///srv/two", once);
  host.asked.length = 0;
  const contact = await call(client, "ask_of_contact");
  check("form, page and model", host.asked.length === 3 && !contact.isError, [host.asked, contact]);
  clean("what is asked", [host.asked, contact]);
}

// Progress and log messages; `chat` logs two a level, at debug, info and error.
async function messages(client, host) {
  const reports = [];
  await call(client, "contact_progress", {}, { onprogress: (it) => reports.push(it) });
  // All three are sent before the result, but this SDK forgets who wanted them where they arrive together with it.
  check("progress", reports.length <= 3, reports);
  clean("progress", reports);
  for (const [level, expected] of [["info", 4], ["error", 2], ["debug", 6]]) {
    host.logged.length = 0;
    if (!setup.modern && level !== "info") await client.setLoggingLevel(level);
    const params = setup.modern ? { _meta: { "io.modelcontextprotocol/logLevel": level } } : {};
    await client.callTool({ name: "chat", arguments: {}, ...params });
    await until(`log messages from ${level}`, () => host.logged.length === expected, host.logged);
    clean("log messages", host.logged);
  }
}

async function updates(client, host) {
  const told = () => CHANGES.every((it) => host.told.some((heard) => heard.method === `notifications/${it}`));
  let end;
  if (setup.modern) {
    const lists = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    const uris = ["memo://counter", "memo://ledger", "ledger://1"];
    const subscription = await client.listen({ ...lists, resourceSubscriptions: uris });
    end = () => subscription.close();
  } else {
    await client.subscribeResource({ uri: "memo://counter" });
    for (const uri of setup.hiddenResources) {
      await refused(`no subscription to ${uri}`, client.subscribeResource({ uri }), NOT_FOUND, "Resource not found");
    }
    end = () => client.unsubscribeResource({ uri: "memo://counter" });
  }
  host.told.length = 0;
  await call(client, "bump");
  await call(client, "relist");
  await until("hears of lists and resources", told, host.told);
  await end();
  await call(client, "bump");
  await call(client, "hello");
  check("hears of what it may see, while it listens", same(host.told.map((it) => it.method).sort().length, 4), host.told);
  check("and of one resource", same(host.updated, ["memo://counter"]), host.updated);
}

// The call goes on as a task. The package for tasks wants to be given what the SDK doesn't pass on: a way to send requests as
// they are, here past the client on its own transport.
async function tasks() {
  const path = `${modules}/@modelcontextprotocol/ext-tasks/dist/client/index.js`;
  const { createTaskSessionFromClient, resultFromTaskOutcome } = await import(pathToFileURL(path));
  await connected(undefined, async (client) => {
    const { transport } = client;
    const others = transport.onmessage;
    const waiting = new Map();
    const sent = [];
    transport.onmessage = (message, extra) => (waiting.has(message.id) ? waiting.get(message.id)(message) : others(message, extra));
    const rawDispatch = async (request) => {
      const id = `a-task-${sent.push(request.method)}`;
      const answer = new Promise((done) => waiting.set(id, done));
      await transport.send({ jsonrpc: "2.0", id, ...request });
      const { result, error } = await answer;
      clean(`${request.method} of a task`, result ?? error);
      return error ? { kind: "error", error } : { kind: "result", result };
    };
    const v2RequestFraming = { protocolVersion: "2026-07-28", clientInfo: INFO, clientCapabilities: {} };
    const session = createTaskSessionFromClient(client, { endpointId: "fixture", rawDispatch, v2RequestFraming });
    const { outcome } = await (await session.callTool("job", { ms: 100 })).settle();
    const result = resultFromTaskOutcome(outcome);
    check("a task's result", result.content[0].text === "done for alice, «redacted:email»", result);
    check("was a task", sent[0] === "tools/call" && sent.includes("tasks/get"), sent);
    await refused("no such task", session.task("a-task").snapshot(), -32602, "Unknown task");
    await session.close();
  });
}

// Three at a time, and all of them in the end.
async function pages() {
  const kinds = { listTools: "tools", listResources: "resources", listResourceTemplates: "resourceTemplates", listPrompts: "prompts" };
  const methods = { listTools: "tools/list", listResources: "resources/list", listResourceTemplates: "resources/templates/list", listPrompts: "prompts/list" };
  const all = { resources: setup.resources, resourceTemplates: setup.templates, prompts: setup.prompts };
  await connected(undefined, async (client) => {
    for (const [list, kind] of Object.entries(kinds)) {
      const seen = [];
      // Without a cursor 2.x follows them all by itself, unless the request is made by hand.
      const first = () => (setup.line === 2 ? client.request({ method: methods[list], params: {} }) : page(client, list, {}));
      for (let cursor, more = true; more; more = cursor !== undefined) {
        const found = await (cursor === undefined ? first() : page(client, list, { cursor }));
        check(`${kind}, three a page`, found[kind].length > 0 && found[kind].length <= 3, found);
        seen.push(...found[kind]);
        cursor = found.nextCursor;
      }
      check(`${kind}, each once`, new Set(names(seen)).size === seen.length, names(seen));
      check(`${kind}, all`, kind in all ? seen.length === all[kind].length : seen.length > 40, names(seen));
      if (setup.line === 2) check(`${kind}, by itself`, (await client[list]())[kind].length === seen.length);
      await refused(`${kind}, no such page`, client[list]({ cursor: "e30=" }), -32602, "cursor");
    }
  });
}

async function session() {
  const host = new Host();
  await connected(host, async (client) => {
    await tools(client);
    await resources(client);
    await prompts(client);
    await completions(client);
    await questions(client, host);
    await messages(client, host);
    await updates(client, host);
  });
  await connected(undefined, async (client) => {
    const job = await call(client, "job", { ms: 50 });
    check("a job", job.content[0].text === "done for alice, «redacted:email»", job);
    if (setup.modern) await refused("can't be asked", call(client, "confirm", { id: "INV-1" }), -32021);
    else check("can't be asked", (await call(client, "confirm", { id: "INV-1" })).isError);
  });
  if (setup.modern) await tasks();
  if (setup.url) {
    const stranger = await sdk.client({}).connect(transport("wrong")).catch((error) => error);
    check("a wrong token is refused", stranger instanceof Error, stranger);
  }
}

try {
  await (setup.pages ? pages() : session());
  console.log(JSON.stringify({ checks }));
  // A transport that lingers has nothing to say any more.
  process.exit(0);
} catch (error) {
  console.log(JSON.stringify({ failed: error instanceof Failed ? error.message : error.stack }));
  process.exit(1);
}
