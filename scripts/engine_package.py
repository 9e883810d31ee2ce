"""The npm package with the engine: every tier, a probing loader, types. Part of engine.py.

Owns the package's entry, its manifest and its short manual. It must not know how tiers are compiled. Invariant: the entry
differs by kind of host only in how it names files, so all three packages have the same interface.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

TARGETS = ("web", "bundler", "nodejs")

HEAD = """// The entry of the Findling engine package for {target}.
// Owns where the tiers lie; the choice among them is in engine.js. Invariant: loading this module starts nothing.

import {{ loadEngine }} from "./engine.js";
"""

# How an entry names the files of one tier: a web server and Node resolve addresses, a bundler has to see the import.
ADDRESS = '  "{tier}": {{ js: "./findling-{tier}.js"{wasm} }},'
ADDRESS_WASM = ', wasm: "./findling-{tier}.wasm"'
IMPORT = '  "{tier}": {{ js: () => import("./findling-{tier}.js"){wasm} }},'
IMPORT_WASM = ', wasm: new URL("./findling-{tier}.wasm", import.meta.url)'

TAIL = """
/** Loads the fastest tier that works here, or the one named by `backend`. See findling.d.ts. */
export function load({{ backend = null }} = {{}}) {{
  return loadEngine({{ files, base: import.meta.url, backend{read} }});
}}

export {{ BACKENDS, probe }} from "./engine.js";
"""

TYPES = """// Types of the Findling engine package.

{engine}
/** A tier that was passed over, and why. */
export interface Tried {{
  backend: string;
  error: {{ code: string; message: string; detail: Record<string, unknown> }};
}}

export interface Loaded {{
  engine: Engine;
  /** The tier that runs. */
  backend: string;
  tried: Tried[];
  VectorIndex: typeof VectorIndex;
  pack(request: Uint8Array, payload: Uint8Array): Uint8Array;
  inspect(bytes: Uint8Array): Uint8Array;
  /** One calculation over rows of little-endian f32: normalize, centroid, statistics, pool, fit, transform, quantize, dequantize, loss, distances. */
  compute(request: Uint8Array, payload: Uint8Array): Uint8Array;
  /** The tokens of a text, as they are indexed and searched. */
  analyse(request: Uint8Array): Uint8Array;
}}

/** The tiers, fastest first. */
export const BACKENDS: readonly string[];

/** What this host can run. */
export function probe(): {{ wasm: boolean; compile: boolean; simd: boolean; relaxed: boolean }};

/**
 * Loads the fastest tier that works here, or exactly the one asked for.
 * Throws an Error with `code`: `unsupported`, `no_wasm` or `network`.
 */
export function load(options?: {{ backend?: string | null }}): Promise<Loaded>;
"""

MANUAL = """# findling

The engine of Findling for JavaScript: text to vectors, vectors to hits, in the page or in Node. Nothing is sent anywhere.

```js
import { load } from "findling";

const { engine, backend } = await load();            // wasm-relaxed, wasm-simd, wasm-scalar or js
engine.load_model(new Uint8Array(modelFile));        // a .findling model file

const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
const value = (reply) => JSON.parse(new TextDecoder().decode(reply));

engine.open(bytes({ index: "notes" }));
engine.add(bytes({ index: "notes", documents: [{ id: "1", passages: ["a storm is coming"], record: {} }] }));
value(engine.search(bytes({ index: "notes", text: "bad weather", limit: 5 }))).hits;
```

Vectors of your own, without a model:

```js
const { VectorIndex } = await load();
const index = new VectorIndex(bytes({ dim: 3, metric: "euclidean" }));
const raw = (array) => new Uint8Array(array.buffer);
index.add(raw(new Uint32Array([7, 8])), raw(new Float32Array([1, 0, 0, 0, 1, 0])));
index.link(100);                                     // where there are many: makes searches fast, in slices
value(index.search(bytes({ limit: 1 }), raw(new Float32Array([1, 0.1, 0])), new Uint8Array())).hits;
```

Requests and replies are UTF-8 JSON bytes; `embed` replies with little-endian f32. When a reply is `{"need": [...]}`, read those
ranges, hand each over with `provide(file, offset, bytes)` and call again. Errors carry `code`, `message` and `detail`.
Every tier gives the same bytes for the same arguments.

`load()` also gives `compute`, arithmetic on vectors without a model: `compute(bytes({ op: "normalize", dim: 3 }), rows)` with `rows`
a `Uint8Array` over little-endian f32, end to end. The other operations: `centroid`, `statistics`, `pool`, `fit` and `transform`
(principal components), `quantize`, `dequantize`, `loss` (8, 4 or 1 bits) and `distances`. And `analyse`, what is indexed of a
text: `analyse(bytes({ text: "running shoes", language: "en" }))` tells its tokens with their terms, `run` and `shoe`.
"""


def files(target: str, root: Path, folders: dict[str, Path]) -> dict[str, Path | str]:
    """The package's files beside the tiers: by name, a path to copy or a text to write."""
    with (root / "rust" / "Cargo.toml").open("rb") as manifest:
        workspace = tomllib.load(manifest)["workspace"]["package"]
    lines = []
    for tier in folders:
        line, wasm = (IMPORT, IMPORT_WASM) if target == "bundler" else (ADDRESS, ADDRESS_WASM)
        lines.append(line.format(tier=tier, wasm="" if tier == "js" else wasm.format(tier=tier)))
    head, read = HEAD.format(target=target), ""
    if target == "nodejs":
        head += 'import { readFile } from "node:fs/promises";\n'
        read = ", read: (url) => readFile(url)"
    entry = head + "\nconst files = {\n" + "\n".join(lines) + "\n};\n" + TAIL.format(read=read)
    package = {
        "name": "findling",
        "version": workspace["version"],
        "description": "Search by meaning that runs inside the page: the engine",
        "license": workspace["license"],
        "type": "module",
        "sideEffects": False,
        "exports": {".": {"types": "./findling.d.ts", "default": "./findling.js"}},
        "types": "./findling.d.ts",
        "engines": {"node": ">=20"},
    }
    return {
        "findling.js": entry,
        "engine.js": root / "web" / "engine.js",
        "findling.d.ts": TYPES.format(engine=engine_types(folders)),
        "package.json": json.dumps(package, indent=2) + "\n",
        "README.md": MANUAL,
        "LICENSE": root / "LICENSE",
        "NOTICE": root / "NOTICE",
    }


def engine_types(folders: dict[str, Path]) -> str:
    """The documented classes out of the types that wasm-bindgen wrote for the first tier."""
    tier, folder = next(iter(folders.items()))
    generated = (folder / f"findling-{tier}.d.ts").read_text("utf-8")
    return "\n".join(class_types(generated, name) for name in ("Engine", "VectorIndex"))


def class_types(generated: str, name: str) -> str:
    """One documented class."""
    pattern = rf"(?:/\*\*(?:(?!\*/).)*\*/\n)?export class {name} \{{.*?^\}}\n"
    found = re.search(pattern, generated, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"engine.py: the generated types have no class {name}: wasm-bindgen has changed its output")
    # A name that TypeScript knows only with a library newer than most projects ask for.
    return re.sub(r"^ *\[Symbol\.dispose\]\(\): void;\n", "", found[0], flags=re.MULTILINE)
