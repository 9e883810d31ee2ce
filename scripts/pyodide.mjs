#!/usr/bin/env node
// @ts-check
// Prepares the self-hosted Pyodide: precompiled standard library, boot.zip (what a start needs, with the application),
// rest.zip (everything else, see py/findling/stdlib.py for how it is mounted).
// Owns which modules are in which zip; knows nothing of pages, workers or of what the application does.
// Invariant: the same inputs give the same bytes; an output folder appears whole or not at all.
//
//   node scripts/pyodide.mjs stdlib OUT                 compile the stock standard library into the folder OUT
//   node scripts/pyodide.mjs zips STDLIB PACKAGE OUT    write OUT/boot.zip and OUT/rest.zip

import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadPyodide } from 'pyodide';
import { zip } from './zip.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

/** Modules whose closure is the application in the browser; the readers are roots too, because they are imported by their names at run time. */
const ROOTS = ['findling.browser', 'findling.readers', 'findling.stdlib'];

/** The readers that need what is in rest.zip, and so are in it themselves. */
const LATE_READERS = ['archive', 'book', 'images', 'mail', 'media', 'office', 'pdf', 'pictures', 'xml_events', 'zips'];

/** Other modules of the application that do. */
const LATE = ['bundle'];

/** The module of the application that Python runs before all else, under the name it looks for. */
const FIRST = 'later.py';

/** Not in boot: Python has no sockets here, and asyncio does without where it does not find it. */
const WITHOUT = ['ssl.pyc', '_ssl.pyc'];

/** Loaded only on paths that importing alone does not reach: tracebacks, text encodings, timers, date parsing. */
const EXTRA = [
    'encodings.ascii', 'encodings.cp1252', 'encodings.idna', 'encodings.latin_1', 'encodings.utf_16', 'encodings.utf_16_be',
    'encodings.utf_16_le', 'encodings.utf_8', 'encodings.utf_8_sig', 'asyncio', 'linecache', 'locale', 'threading', 'tokenize', 'traceback',
    'pyodide.ffi', 'pyodide.webloop', 'pyodide.code', '_pyodide._base', '_strptime',
];

/** @param {object} options @returns {Promise<any>} a Pyodide without packages, its hash seed fixed */
async function start(options = {}) {
    const lock = { info: { abi_version: '2026_0', arch: 'wasm32', platform: 'emscripten_5_0_3', python: '3.14.0' }, packages: {} };
    const pyodide = await loadPyodide(/** @type {any} */ ({ env: { PYTHONHASHSEED: '0', HOME: '/' }, lockFileContents: lock, ...options }));
    pyodide.FS.writeFile('/tools.py', readFileSync(join(HERE, 'pyodide_compile.py')));
    pyodide.runPython("import sys; sys.path.insert(0, '/')");
    return pyodide;
}

/** All files under `folder` whose name passes, as archive path -> content.
 * @param {string} folder @param {(name: string) => boolean} wanted @returns {Map<string, Buffer>} */
function read(folder, wanted = () => true) {
    const found = new Map();
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !wanted(entry.name)) continue;
        const path = join(entry.parentPath ?? entry.path, entry.name);
        found.set(relative(folder, path).replaceAll('\\', '/'), readFileSync(path));
    }
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Write a folder so that it appears whole or not at all.
 * @param {string} out @param {Map<string, Uint8Array>} files */
function publish(out, files) {
    const temporary = `${out}.${process.pid}.tmp`;
    rmSync(temporary, { recursive: true, force: true });
    for (const [name, content] of files) {
        mkdirSync(dirname(join(temporary, name)), { recursive: true });
        writeFileSync(join(temporary, name), content);
    }
    rmSync(out, { recursive: true, force: true });
    renameSync(temporary, out);
}

/** @param {any} proxy a Python dict from names to bytes @returns {Map<string, Uint8Array>} */
function takeFiles(proxy) {
    const files = proxy.toJs({ dict_converter: (/** @type {Iterable<[string, Uint8Array]>} */ entries) => new Map(entries) });
    proxy.destroy();
    return files;
}

/** @param {string} out */
async function compileStdlib(out) {
    const pyodide = await start();
    publish(out, takeFiles(pyodide.runPython('import tools; tools.compile_stdlib()')));
}

/** A package is split when boot holds some of its modules but not all of them.
 * @param {Map<string, Uint8Array>} library @param {Set<string>} boot @returns {Set<string>} folders of split packages */
function splitPackages(library, boot) {
    const split = new Set();
    for (const name of library.keys()) {
        if (boot.has(name)) continue;
        for (let folder = dirname(name); folder !== '.'; folder = dirname(folder)) {
            if (boot.has(`${folder}/__init__.pyc`)) split.add(folder);
        }
    }
    return split;
}

/** @param {string} stdlib @param {string} application @param {string} out */
async function writeZips(stdlib, application, out) {
    const library = read(stdlib);
    const name = basename(application);
    /** @type {[string, Uint8Array][]} */
    const sources = [...read(application, file => file.endsWith('.py'))].map(([path, content]) => [`${name}/${path}`, new Uint8Array(content)]);
    const full = `${out}.${process.pid}.full.zip`;
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(full, zip(library));
    try {
        const pyodide = await start({ stdLibURL: full });
        pyodide.globals.set('texts', pyodide.toPy(Object.fromEntries(sources)));
        const late = [...LATE_READERS.map(reader => `readers/${reader}`), ...LATE].map(module => `${name}/${module}.py`);
        const readers = sources.map(([path]) => path).filter(path => path.startsWith(`${name}/readers/`) && !late.includes(path));
        pyodide.globals.set('roots', pyodide.toPy([...ROOTS, ...readers.map(path => path.slice(0, -'.py'.length).replaceAll('/', '.'))]));
        pyodide.globals.set('late', pyodide.toPy(late));
        pyodide.globals.set('extra', pyodide.toPy(EXTRA));
        pyodide.runPython('import tools; sources = {path: bytes(text) for path, text in texts.items()}');
        pyodide.runPython('modules, foreign = tools.closure(sources, roots)');
        const boot = new Set(pyodide.runPython('tools.loaded(foreign + extra)').toJs());
        for (const path of WITHOUT) boot.delete(path);
        const compiled = takeFiles(pyodide.runPython('{path + "c": tools.compile_source(sources[path], path) for path in modules}'));
        const split = splitPackages(library, boot);
        /** @type {Map<string, Uint8Array>} */
        const first = new Map(compiled), rest = new Map();
        first.set('sitecustomize.pyc', pyodide.runPython(`tools.compile_source(sources["${name}/${FIRST}"], "sitecustomize.py")`).toJs());
        for (const [path, content] of library) {
            if (boot.has(path)) first.set(path, content);
            if (!boot.has(path) || [...split].some(folder => path.startsWith(`${folder}/`))) rest.set(path, content);
        }
        const lateOnes = takeFiles(pyodide.runPython('{path + "c": tools.compile_source(sources[path], path) for path in late}'));
        // The package of the readers is split too, so the rest has all of it.
        for (const [path, content] of compiled) if (path.startsWith(`${name}/readers/`)) rest.set(path, content);
        for (const [path, content] of lateOnes) rest.set(path, content);
        publish(out, new Map([['boot.zip', zip(first)], ['rest.zip', zip(rest)]]));
    } finally {
        rmSync(full, { force: true });
    }
}
process.on('uncaughtException', error => {
    // Node prints the source line of a failure, which in the minified Pyodide is a megabyte.
    console.error(error.message);
    process.exit(1);
});

const [verb, ...paths] = process.argv.slice(2);
if (verb === 'stdlib' && paths.length === 1) await compileStdlib(resolve(paths[0]));
else if (verb === 'zips' && paths.length === 3) await writeZips(resolve(paths[0]), resolve(paths[1]), resolve(paths[2]));
else {
    console.error('usage: pyodide.mjs stdlib OUT | zips STDLIB PACKAGE OUT');
    process.exitCode = 2;
}
