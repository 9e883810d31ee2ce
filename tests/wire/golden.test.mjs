// The golden messages in tests/golden/wire, replayed against web/client.js with a scripted worker; test_golden.py replays
// them against Python. Owns nothing but the comparison. Invariant under test: what passes on both sides is the wire.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { Client } from "../../web/client.js";
import { FindlingError, VERBS, readIncoming, readRequest } from "../../web/protocol.js";

const folder = new URL("../golden/wire/", import.meta.url);
const cases = readdirSync(folder).map((name) => ({ name, ...JSON.parse(readFileSync(new URL(name, folder), "utf8"), revive) }));
const exchanges = cases.filter((each) => "request" in each);
const { events } = cases.find((each) => "events" in each);

/** @param {string} key @param {any} value */
function revive(key, value) {
  return typeof value?.$base64 === "string" ? new Uint8Array(Buffer.from(value.$base64, "base64")) : value;
}

/** A client whose worker only listens. */
function connect() {
  /** @type {any[]} */
  const sent = [];
  /** @type {((event: {data: unknown}) => void)[]} */
  const listeners = [];
  const worker = {
    postMessage: (/** @type {any} */ message) => sent.push(message),
    terminate: () => undefined,
    addEventListener: (/** @type {string} */ type, /** @type {any} */ listener) => type === "message" && listeners.push(listener),
  };
  const client = new Client({ url: "https://example.org/worker.js", start: () => /** @type {any} */ (worker) });
  return { client, sent, say: (/** @type {unknown} */ data) => listeners.forEach((listener) => listener({ data })) };
}

for (const { name, about, request, answers } of exchanges) {
  test(`${name}: ${about}`, async () => {
    if (!VERBS.includes(request.verb)) {
      assert.equal(readRequest(request), null);
      return;
    }
    assert.deepEqual(readRequest(request), request);
    const { client, sent, say } = connect();
    /** @type {any[]} */
    const progress = [];
    const call = client.call(request.verb, request.args, { onProgress: (/** @type {any} */ each) => progress.push(each) });
    const { id, ...message } = sent[0];
    assert.deepEqual({ id: request.id, ...message }, request);
    for (const answer of answers) {
      assert.notEqual(readIncoming(answer), null);
      say({ ...answer, id });
    }
    const last = answers.at(-1);
    if (last.error) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof FindlingError);
        assert.deepEqual(error.toObject(), last.error);
        return true;
      });
    } else {
      assert.deepEqual(await call, last.result);
    }
    assert.deepEqual(progress, answers.filter((/** @type {any} */ answer) => answer.progress).map((/** @type {any} */ answer) => answer.progress));
  });
}

test("every golden event is read as a stage, a fault or as fatal", () => {
  const kinds = events.map((/** @type {any} */ event) => readIncoming(event)?.kind);
  assert.deepEqual(kinds, ["stage", "stage", "stage", "stage", "stage", "fault", "fatal"]);
});

test("there is a golden exchange of every verb", () => {
  assert.deepEqual(new Set(exchanges.map((each) => each.request.verb).filter((verb) => VERBS.includes(verb))), new Set(VERBS));
});
