// @ts-check
// The pool among workers that the test writes: how many there are, who embeds what, and what becomes of it when one ends.
// Owns the workers' answers. Must not know the engine: a row is the text's length and first letter. Invariant: each test
// settles every promise it made, and leaves no worker behind.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Pool, poolSize, shardsOf, sizeHere } from "../../web/pool.js";

/** @typedef {import("../../web/pool.js").Session} Session */

const turn = () => new Promise((resolve) => setImmediate(resolve));
const rows = (/** @type {string[]} */ texts) => Uint8Array.from(texts.flatMap((text) => [text.length & 255, text.length >> 8, text.charCodeAt(0) & 255, 7]));
const textsIn = (/** @type {Uint8Array} */ request) => {
  const { texts, kind } = JSON.parse(new TextDecoder().decode(request));
  assert.equal(kind, "passage");
  return texts;
};

/** A worker that starts by itself, takes the model by itself, and embeds when it is told to. */
class FakeWorker {
  /** @type {any[]} */
  orders = [];
  /** @type {Record<string, ((event: any) => void)[]>} */
  listeners = { message: [], error: [], messageerror: [] };
  terminated = false;
  done = 0;

  /** @param {World} world @param {string} name */
  constructor(world, name) {
    this.world = world;
    this.name = name;
    if (world.starting) queueMicrotask(() => this.say({ started: true }));
  }

  /** @param {any} order @param {Transferable[]} transfer */
  postMessage(order, transfer) {
    const received = structuredClone(order, { transfer });
    if (received.model) {
      this.world.models.push(received.model.length);
      if (this.world.loading) queueMicrotask(() => this.say({ model: received.model }));
    } else {
      this.orders.push(received);
      if (this.world.automatic) setImmediate(() => this.answer());
    }
  }

  terminate() {
    this.terminated = true;
  }

  /** @param {string} type @param {(event: any) => void} listener */
  addEventListener(type, listener) {
    this.listeners[type]?.push(listener);
  }

  /** @param {any} data */
  say(data) {
    if (!this.terminated) for (const listener of this.listeners.message ?? []) listener({ data });
  }

  /** Embeds the oldest shard it has. */
  answer() {
    const order = this.orders.shift();
    if (!order) return;
    this.done++;
    const texts = textsIn(order.request);
    this.say({ shard: order.shard, vectors: texts.some((/** @type {string} */ text) => text.includes("cursed")) ? null : rows(texts) });
  }

  /** @param {string} message */
  break(message) {
    for (const listener of this.listeners.error ?? []) listener({ message, preventDefault() {} });
  }
}

/** What surrounds a pool, and what it saw. */
class World {
  /** @type {FakeWorker[]} */
  workers = [];
  /** Lengths of the models that were handed over. @type {number[]} */
  models = [];
  /** What the asking worker embedded. @type {string[][]} */
  own = [];
  read = 0;
  /** What the clock tells, and how much a character of the asking worker's takes of it, in milliseconds. */
  now = 0;
  costs = 0;
  starting = true;
  loading = true;
  automatic = true;
  /** @type {Map<string, () => void>} */
  watched = new Map();

  /** @param {number} size */
  constructor(size) {
    this.pool = new Pool({
      size,
      reason: null,
      url: "https://example.org/v-1/web/pool-worker.js",
      engine: {
        embed: (request) => {
          const texts = textsIn(request);
          this.own.push(texts);
          this.now += this.costs * texts.join(" ").length;
          if (texts.some((/** @type {string} */ text) => text.includes("cursed"))) throw Object.assign(new Error("refused"), { code: "bad_input" });
          return rows(texts);
        },
      },
      pause: turn,
      clock: () => this.now,
      model: async () => {
        this.read++;
        return new Uint8Array(1000);
      },
      start: (url, name) => {
        const worker = new FakeWorker(this, name);
        this.workers.push(worker);
        return worker;
      },
      watch: (name, signal, ended) => {
        this.watched.set(name, ended);
        signal.addEventListener("abort", () => this.watched.delete(name));
      },
    });
  }

  /** @returns {Session} */
  begin() {
    const session = this.pool.begin();
    assert.ok(session);
    return session;
  }

  get alive() {
    return this.workers.filter(({ terminated }) => !terminated).length;
  }
}

const many = Array.from({ length: 200 }, (_, n) => String.fromCharCode(65 + (n % 26)).repeat(50 + ((n * 37) % 600)));

/** Until every worker has its model. @param {World} world */
async function settled(world) {
  for (let k = 0; k < 20; k++) await turn();
  assert.equal(world.models.length, world.workers.length);
}

test("the size is what cores and memory allow, and one where they are few or not known", () => {
  const sizes = [
    [{ hardwareConcurrency: 8, deviceMemory: 8 }, 7],
    [{ hardwareConcurrency: 64, deviceMemory: 64 }, 7],
    [{ hardwareConcurrency: 4, deviceMemory: 8 }, 4],
    [{ hardwareConcurrency: 2, deviceMemory: 8 }, 2],
    [{ hardwareConcurrency: 1, deviceMemory: 8 }, 1],
    [{ hardwareConcurrency: 8, deviceMemory: 4 }, 5],
    [{ hardwareConcurrency: 8, deviceMemory: 2 }, 3],
    [{ hardwareConcurrency: 8, deviceMemory: 1 }, 1],
    [{ hardwareConcurrency: 8, deviceMemory: 0.5 }, 1],
    [{ hardwareConcurrency: 8 }, 2],
    [{ deviceMemory: 8 }, 1],
    [{ hardwareConcurrency: 0, deviceMemory: 8 }, 1],
    [{ hardwareConcurrency: NaN, deviceMemory: 8 }, 1],
    [{}, 1],
    [{ hardwareConcurrency: 8, deviceMemory: 8, mobile: true }, 1],
  ];
  for (const [device, size] of sizes) assert.equal(poolSize(/** @type {any} */ (device)), size, JSON.stringify(device));
});

test("the size somebody asks for is taken, and what is no number is not", (context) => {
  const device = { hardwareConcurrency: 4, deviceMemory: 8, userAgent: "Mozilla/5.0 (X11; Linux x86_64)", locks: {} };
  const here = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  const become = (/** @type {object} */ value) => Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  context.after(() => (here ? Object.defineProperty(globalThis, "navigator", here) : Reflect.deleteProperty(globalThis, "navigator")));
  become(device);
  const wishes = ["1", "3", "99", "0", "-1", "many", "", null];
  assert.deepEqual(wishes.map((wish) => sizeHere(wish).size), [1, 3, 16, 4, 4, 4, 4, 4]);
  become({ ...device, userAgent: "Mozilla/5.0 (Linux; Android 15) Mobile" });
  assert.deepEqual([sizeHere(null).size, sizeHere("2").size], [1, 2]);
  become({ ...device, locks: undefined });
  assert.equal(sizeHere("3").size, 1);
  assert.match(sizeHere("3").reason ?? "", /not served securely/);
});

test("shards are consecutive, never empty, and about equally long", () => {
  for (const texts of [many, ["a"], ["", ""], [], ["x".repeat(9_000)], ["y", "x".repeat(9_000), "z"]]) {
    const shards = shardsOf(texts);
    assert.deepEqual(shards.flat(), texts);
    assert.ok(shards.every((shard) => shard.length > 0));
  }
  const lengths = shardsOf(many).map((shard) => shard.join("").length);
  assert.ok(lengths.length > 10);
  const longest = Math.max(...many.map((text) => text.length));
  assert.ok(Math.max(...lengths) - Math.min(...lengths) <= 2 * longest, lengths.join(" "));
  assert.equal(shardsOf(many.slice(0, 6)).length, 1, "a slice of an import stays whole");
});

test("a pool of one is none", () => {
  const world = new World(1);
  assert.equal(world.pool.begin(), null);
  assert.deepEqual([world.workers.length, world.pool.status], [0, { size: 1, workers: 0, reason: null }]);
});

test("rows come back in the order of the texts, whoever embeds them, and the asking worker takes what two others leave", async () => {
  const world = new World(3);
  world.automatic = false;
  const session = world.begin();
  await settled(world);
  const parts = Array.from({ length: 20 }, (_, n) => many.slice(n * 5, n * 5 + 5));
  const asked = Promise.all(parts.map((part) => session.embed(part)));
  while (world.own.flat().length < 80) await turn();
  for (const worker of world.workers) for (let k = 0; k < 2; k++) worker.answer();
  assert.deepEqual(await asked, parts.map(rows));
  assert.equal(world.own.flat().length, 80);
  assert.deepEqual(await session.embed([]), new Uint8Array());
  session.end();
  assert.equal(world.alive, 0);
});

test("the asking worker embeds about 150 ms at a time, whatever its speed, and its rows stay the same", async () => {
  for (const costs of [0.01, 0.1, 4]) {
    const world = new World(2);
    world.starting = false;
    world.costs = costs;
    const session = world.begin();
    assert.deepEqual(await session.embed(many), rows(many));
    assert.deepEqual(world.own.flat(), many);
    assert.equal(world.own[0]?.length, 1);
    const longest = Math.max(...world.own.filter((texts) => texts.length > 1).map((texts) => texts.join(" ").length * costs));
    assert.ok(longest < 160, `${longest} ms`);
    const pieces = world.own.length;
    assert.ok(costs === 4 ? pieces === many.length : pieces < many.length / 2, `${pieces} pieces`);
    session.end();
  }
});

test("the asking worker stops at the piece in which the session ends", async () => {
  const world = new World(2);
  world.starting = false;
  world.costs = 4;
  const session = world.begin();
  const asked = session.embed(many);
  while (world.own.length < 2) await turn();
  session.end();
  assert.equal(await asked, null);
  for (let k = 0; k < 100; k++) await turn();
  assert.equal(world.own.length, 2);
});

test("one copy of the model goes from worker to worker", async () => {
  const world = new World(5);
  const session = world.begin();
  await settled(world);
  assert.deepEqual([world.read, world.models], [1, [1000, 1000, 1000, 1000]]);
  session.end();
});

test("a worker that ends with the model costs the others nothing", async () => {
  const world = new World(3);
  world.loading = false;
  const session = world.begin();
  for (let k = 0; k < 5; k++) await turn();
  world.loading = true;
  world.watched.get(world.workers[0]?.name ?? "")?.();
  await settled(world);
  assert.deepEqual([world.read, world.models.length, world.alive], [2, 2, 1]);
  session.end();
});

test("with many workers the asking one leaves the texts to them", async () => {
  const world = new World(5);
  world.automatic = false;
  const session = world.begin();
  await settled(world);
  const asked = session.embed(many);
  for (let k = 0; k < 100; k++) await turn();
  assert.deepEqual(world.own, []);
  world.automatic = true;
  for (const worker of world.workers) for (let k = 0; k < 2; k++) worker.answer();
  assert.deepEqual(await asked, rows(many));
  session.end();
});

test("a worker has a second shard while it embeds the first, and no third", async () => {
  const world = new World(4);
  world.automatic = false;
  const session = world.begin();
  await settled(world);
  const asked = session.embed(many);
  assert.deepEqual(world.workers.map(({ orders }) => orders.length), [2, 2, 2]);
  session.end();
  assert.equal(await asked, null);
});

const ENDS = {
  "ends without a word": (/** @type {World} */ world, /** @type {FakeWorker} */ worker) => world.watched.get(worker.name)?.(),
  "reports an error": (/** @type {World} */ _, /** @type {FakeWorker} */ worker) => worker.break("out of memory"),
  "says that it trapped": (/** @type {World} */ _, /** @type {FakeWorker} */ worker) => worker.say({ fatal: "unreachable" }),
};
for (const [how, end] of Object.entries(ENDS)) {
  test(`what a worker had that ${how} is embedded by the asking one`, async () => {
    const world = new World(4);
    world.automatic = false;
    const session = world.begin();
    await settled(world);
    const asked = session.embed(many);
    const [first, ...others] = world.workers;
    assert.ok(first);
    const lost = first.orders.map(({ request }) => textsIn(request));
    assert.equal(lost.length, 2);
    end(world, first);
    assert.equal(first.terminated, true);
    assert.equal(world.pool.status.workers, 2);
    assert.match(world.pool.status.reason ?? "", /^a worker of the pool stopped: /);
    world.automatic = true;
    for (const worker of others) for (let k = 0; k < 2; k++) worker.answer();
    assert.deepEqual(await asked, rows(many));
    const own = new Set(world.own.flat());
    assert.ok(lost.flat().every((text) => own.has(text)), "not by another worker");
    session.end();
    assert.equal(world.alive, 0);
  });
}

test("when all workers end, and when none ever starts, everything is embedded all the same", async () => {
  const ending = new World(3);
  ending.automatic = false;
  const session = ending.begin();
  await settled(ending);
  const asked = session.embed(many);
  for (const worker of ending.workers) ending.watched.get(worker.name)?.();
  assert.deepEqual(await asked, rows(many));
  session.end();
  const silent = new World(3);
  silent.starting = false;
  const alone = silent.begin();
  assert.deepEqual(await alone.embed(many), rows(many));
  alone.end();
  assert.equal(silent.alive, 0);
});

test("where a worker cannot be started inside a worker, the reason is told and the texts are embedded", async () => {
  const pool = new Pool({
    size: 3,
    reason: null,
    url: "",
    engine: { embed: (request) => rows(textsIn(request)) },
    pause: turn,
    model: () => Promise.reject(new Error("never asked for")),
    start: () => {
      throw new ReferenceError("Worker is not defined");
    },
  });
  const session = pool.begin();
  assert.deepEqual(await session?.embed(many), rows(many));
  assert.deepEqual(pool.status, { size: 3, workers: 0, reason: "a worker could not be started inside the worker: Worker is not defined" });
  session?.end();
});

test("texts that an engine refuses have no vectors, the others do, and no worker is lost", async () => {
  const world = new World(3);
  const session = world.begin();
  await settled(world);
  const parts = [["fine"], ["cursed"], ["fine too"], ["also cursed"], ["good"]];
  const vectors = await Promise.all(parts.map((part) => session.embed(part)));
  assert.deepEqual(vectors, [rows(["fine"]), null, rows(["fine too"]), null, rows(["good"])]);
  assert.equal(world.pool.status.workers, 2);
  session.end();
});

test("ending a session answers what waits, leaves the others', and the last one ends the workers", async () => {
  const world = new World(3);
  world.automatic = false;
  const [left, right] = [world.begin(), world.begin()];
  await settled(world);
  const [lost, kept] = [left.embed(many), right.embed(many)];
  left.end();
  left.end();
  assert.equal(await lost, null);
  assert.equal(await left.embed(["too late"]), null);
  assert.equal(world.alive, 2);
  world.automatic = true;
  for (const worker of world.workers) for (let k = 0; k < 2; k++) worker.answer();
  assert.deepEqual(await kept, rows(many));
  right.end();
  assert.deepEqual([world.alive, world.pool.status.workers, world.watched.size], [0, 0, 0]);
});

test("after the last session the next one starts workers anew", async () => {
  const world = new World(2);
  for (let round = 1; round <= 2; round++) {
    const session = world.begin();
    await settled(world);
    assert.deepEqual(await session.embed(many), rows(many));
    session.end();
    assert.deepEqual([world.workers.length, world.alive], [round, 0]);
  }
});
