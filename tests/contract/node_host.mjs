// @ts-check
// One tier of the engine behind standard input and output of Node.
// Owns nothing but the streams. Must not know what the lines mean. Invariant: one line out for each line in, in order.
//
//   node node_host.mjs FOLDER BACKEND

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { start } from "./tier.mjs";

const [folder, backend] = process.argv.slice(2);
const answer = await start(/** @type {any} */ (pathToFileURL(join(folder, "/"))), backend, (url) => readFile(url));
for await (const line of createInterface({ input: process.stdin })) console.log(answer(line));
