// Owns the behaviour of web/client.js against a scripted worker: no browser, no Python, no clock.
// Must not know how the real worker computes. Invariant: each test settles every promise it made.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { Client } from "../../web/client.js";
import { CODES, FindlingError, STAGES, VERBS, readIncoming, readRequest, toError } from "../../web/protocol.js";

/** A worker whose answers the test writes. */
class ScriptedWorker {
  sent = [];
  listeners = { message: [], error: [], messageerror: [] };
  terminated = false;

  postMessage(message) {
    structuredClone(message);
    this.sent.push(message);
  }

  terminate() {
    this.terminated = true;
  }

  addEventListener(type, listener) {
    this.listeners[type].push(listener);
  }

  say(data) {
    for (const listener of this.listeners.message) listener({ data });
  }

  break(message) {
    for (const listener of this.listeners.error) listener({ message, preventDefault() {} });
  }
}

function connect(options = {}) {
  const workers = [];
  const urls = [];
  const client = new Client({
    url: "https://example.org/v-1/worker.js",
    ...options,
    start: (url) => {
      urls.push(url);
      workers.push(new ScriptedWorker());
      return workers.at(-1);
    },
  });
  return { client, workers, urls, worker: workers[0] };
}

const search = (query) => ({ collection: "c", query });
const code = (expected) => (error) => error instanceof FindlingError && error.code === expected;

test("a reply settles the request of its id, in whatever order replies come", async () => {
  const { client, worker } = connect();
  const first = client.call("status", {});
  const second = client.call("open", { collection: "c" });
  const [a, b] = worker.sent;
  assert.notEqual(a.id, b.id);
  worker.say({ id: b.id, result: "second" });
  worker.say({ id: a.id, result: "first" });
  assert.deepEqual(await Promise.all([first, second]), ["first", "second"]);
});

test("an error keeps code, message and detail", async () => {
  const { client, worker } = connect();
  const call = client.call("open", { collection: "c" });
  const error = { code: "wrong_dim", message: "vector has 3 numbers", detail: { found: 3, wanted: 384 } };
  worker.say({ id: worker.sent[0].id, error });
  await assert.rejects(call, (thrown) => {
    assert.deepEqual(thrown.toObject(), error);
    return thrown instanceof FindlingError;
  });
});

test("progress goes to its own request and does not settle it", async () => {
  const { client, worker } = connect();
  const seen = [];
  const call = client.call("add", { collection: "c" }, { onProgress: (progress) => seen.push(progress) });
  const { id } = worker.sent[0];
  worker.say({ id, progress: { done: 1, total: 2, name: "a.txt" } });
  worker.say({ id: id + 50, progress: { done: 9, total: 9 } });
  worker.say({ id, result: {} });
  await call;
  assert.deepEqual(seen, [{ done: 1, total: 2, name: "a.txt" }]);
});

test("late, repeated, unknown and malformed messages change nothing", async () => {
  const { client, worker } = connect();
  const call = client.call("status", {});
  const { id } = worker.sent[0];
  for (const noise of [null, 3, "x", {}, { id }, { id: "1", result: 1 }, { id: 99, result: 1 }, { event: "other" }]) worker.say(noise);
  worker.say({ id, result: "right" });
  worker.say({ id, result: "late" });
  assert.equal(await call, "right");
});

test("one search is under way, the newest waits, the ones between reject with aborted", async () => {
  const { client, worker } = connect();
  const [a, b, c] = ["a", "ab", "abc"].map((query) => client.search(search(query)));
  assert.deepEqual(worker.sent.map((message) => message.args.query), ["a"]);
  await assert.rejects(b, code("aborted"));
  worker.say({ id: worker.sent[0].id, result: { query: "a" } });
  assert.deepEqual(await a, { query: "a" });
  await new Promise(setImmediate);
  assert.deepEqual(worker.sent.map((message) => message.args.query), ["a", "abc"]);
  worker.say({ id: worker.sent[1].id, result: { query: "abc" } });
  assert.deepEqual(await c, { query: "abc" });
});

test("a failed search lets the waiting one go on", async () => {
  const { client, worker } = connect();
  const first = client.search(search("a"));
  const second = client.search(search("ab"));
  worker.say({ id: worker.sent[0].id, error: { code: "bad_request", message: "no", detail: {} } });
  await assert.rejects(first, code("bad_request"));
  await new Promise(setImmediate);
  worker.say({ id: worker.sent[1].id, result: { query: "ab" } });
  assert.deepEqual(await second, { query: "ab" });
});

test("two lanes do not replace each other's searches", async () => {
  const { client, worker } = connect();
  const first = client.search(search("a"), "left");
  const second = client.search(search("b"), "right");
  assert.equal(worker.sent.length, 2);
  for (const message of worker.sent) worker.say({ id: message.id, result: { query: message.args.query } });
  assert.deepEqual((await Promise.all([first, second])).map((result) => result.query), ["a", "b"]);
});

test("a dead worker rejects all that is pending and all that follows, until it is restarted", async () => {
  const { client, workers, worker } = connect();
  const fatal = [];
  client.addEventListener("fatal", (event) => fatal.push(event.detail.code));
  const calls = [client.call("status", {}), client.search(search("a")), client.search(search("ab"))];
  worker.break("out of memory");
  for (const call of calls) await assert.rejects(call, code("worker_failed"));
  await assert.rejects(client.call("status", {}), code("worker_failed"));
  assert.deepEqual(fatal, ["worker_failed"]);
  assert.match(client.failure.message, /out of memory/);
  assert.ok(worker.terminated);

  client.restart();
  assert.equal(client.failure, null);
  const again = client.call("status", {});
  worker.say({ id: workers[1].sent[0].id, result: "from the dead" });
  workers[1].say({ id: workers[1].sent[0].id, result: "alive" });
  assert.equal(await again, "alive");
});

test("a fatal event rejects with its own code", async () => {
  const { client, worker } = connect();
  const call = client.call("status", {});
  worker.say({ event: "fatal", error: { code: "no_wasm", message: "no WebAssembly", detail: {} } });
  await assert.rejects(call, code("no_wasm"));
});

test("a worker that cannot be started fails as worker_failed", async () => {
  const client = new Client({
    url: "https://example.org/worker.js",
    start: () => {
      throw new Error("SecurityError");
    },
  });
  await assert.rejects(client.call("status", {}), code("worker_failed"));
});

test("close ends the worker and rejects with closed, now and later", async () => {
  const { client, worker } = connect();
  const calls = [client.call("status", {}), client.search(search("a")), client.search(search("b"))];
  client.close();
  for (const call of calls) await assert.rejects(call, code("closed"));
  await assert.rejects(client.call("status", {}), code("closed"));
  assert.ok(worker.terminated);
});

test("cancelling sends the id of the running request and waits for the worker's answer", async () => {
  const { client, worker } = connect();
  const controller = new AbortController();
  const call = client.call("add", { collection: "c" }, { signal: controller.signal });
  controller.abort();
  const [add, cancel] = worker.sent;
  assert.deepEqual([cancel.verb, cancel.args], ["cancel", { id: add.id }]);
  worker.say({ id: add.id, error: { code: "aborted", message: "cancelled", detail: { added: 2 } } });
  await assert.rejects(call, (error) => error.code === "aborted" && error.detail.added === 2);
  await assert.rejects(client.call("add", {}, { signal: controller.signal }), code("aborted"));
  assert.equal(worker.sent.length, 2);
});

test("arguments that cannot be sent reject with bad_request and leave nothing pending", async () => {
  const { client } = connect();
  await assert.rejects(client.call("add", { collection: () => 1 }), code("bad_request"));
});

test("stages are kept and announced", () => {
  const { client, worker } = connect();
  const seen = [];
  client.addEventListener("stage", (event) => seen.push(event.detail));
  worker.say({ event: "stage", stage: "model", done: 5, total: 10 });
  assert.deepEqual(seen, [{ stage: "model", done: 5, total: 10 }]);
  assert.deepEqual(client.stage, seen[0]);
});

test("backend and size of the pool chosen by hand travel in the worker's address", () => {
  assert.equal(connect({ backend: "js" }).urls[0], "https://example.org/v-1/worker.js?backend=js");
  assert.equal(connect({ backend: "js", pool: 3 }).urls[0], "https://example.org/v-1/worker.js?backend=js&pool=3");
  assert.equal(connect().urls[0], "https://example.org/v-1/worker.js");
});

test("the protocol's lists are frozen and unknown codes become bug", () => {
  assert.ok(Object.isFrozen(VERBS) && Object.isFrozen(STAGES) && Object.isFrozen(CODES));
  assert.equal(toError({ code: "made_up", message: "x" }).code, "bug");
  assert.equal(toError({ code: "toString", message: "x" }).code, "bug");
  assert.equal(readRequest({ id: 1, verb: "explode", args: {} }), null);
  assert.equal(readIncoming({ event: "stage", stage: "lunch" }), null);
});

const GOLDEN = new URL("../golden/", import.meta.url);
const golden = (name) => JSON.parse(readFileSync(new URL(name, GOLDEN), "utf8"));

test("the codes are those of the golden list, in its order", () => {
  assert.deepEqual(Object.keys(CODES), golden("codes.json"));
});

for (const name of readdirSync(new URL("wire/", GOLDEN))) {
  const { request, answers = [], events = [] } = golden(`wire/${name}`);
  if (request && VERBS.includes(request.verb)) {
    test(`the client sends and reads the golden exchange ${name}`, async () => {
      const { client, worker } = connect();
      const seen = [];
      const call = client.call(request.verb, request.args, { onProgress: (progress) => seen.push(progress) });
      const { id } = worker.sent[0];
      assert.deepEqual(worker.sent[0], { ...request, id });
      assert.ok(readRequest({ ...request, id }));
      for (const answer of answers) worker.say({ ...answer, id });
      const last = answers.at(-1);
      if (last.error) await assert.rejects(call, (error) => assert.deepEqual(error.toObject(), last.error) === undefined);
      else assert.deepEqual(await call, last.result);
      assert.deepEqual(seen, answers.filter(({ progress }) => progress).map(({ progress }) => progress));
    });
  }
  for (const event of events) {
    test(`the client knows the golden event ${JSON.stringify(event)}`, () => assert.ok(readIncoming(event)));
  }
}

test("once it is ready it stays so, whatever still arrives, and a fault ends nothing", async () => {
  const { client, worker } = connect();
  const told = [];
  client.addEventListener("stage", ({ detail }) => told.push(detail.stage));
  client.addEventListener("fault", ({ detail }) => told.push(detail.code));
  for (const stage of ["model", "ready", "model"]) worker.say({ event: "stage", stage, done: 1, total: 2 });
  worker.say({ event: "fault", error: { code: "network", message: "the model did not come", detail: {} } });
  assert.deepEqual(told, ["model", "ready", "model", "network"]);
  assert.equal(client.stage.stage, "ready");
  assert.equal(client.failure, null);
  const asked = client.call("status", {});
  worker.say({ id: 1, result: 7 });
  assert.equal(await asked, 7);
});
