// Starts Pyodide under Node from the archives that the site ships. Owns where they lie; knows nothing of the tests.
// Invariant: the Python that starts here has the same modules as the one in the page.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadPyodide } from 'pyodide';

const ROOT = new URL('../../', import.meta.url);

/** @param {string} path relative to the repository */
export const at = path => fileURLToPath(new URL(path, ROOT));

const { packages } = JSON.parse(readFileSync(at('node_modules/pyodide/pyodide-lock.json'), 'utf8'));

const table = JSON.parse(readFileSync(at('scripts/downloads.json'), 'utf8'));
const ofReaders = Object.entries(table).filter(([, entry]) => entry.package).map(([file, entry]) => [entry.package, {
    name: entry.package, version: entry.requirement.split('==')[1], file_name: file, sha256: entry.sha256,
    install_dir: 'site', package_type: 'package', imports: [entry.package], depends: [], unvendored_tests: false,
}]);

/** A Pyodide from boot.zip; its lock names the packages of the site. */
export function boot() {
    const own = Object.fromEntries([...['micropip', 'numpy'].map(name => [name, packages[name]]), ...ofReaders]);
    return loadPyodide({
        stdLibURL: at('.cache/pyodide/zips/boot.zip'),
        packageCacheDir: at('.cache/downloads'),
        packageBaseUrl: at('.cache/downloads/'),
        lockFileContents: { info: { abi_version: '2026_0', arch: 'wasm32', platform: 'emscripten_5_0_3', python: '3.14.0' }, packages: own },
        env: { HOME: '/' },
        stdout: () => undefined,
    });
}

/** Makes the rest of the standard library importable, as worker.js does. @param {any} pyodide */
export function mountRest(pyodide) {
    pyodide.FS.writeFile('/lib/rest.zip', readFileSync(at('.cache/pyodide/zips/rest.zip')));
    const library = pyodide.pyimport('findling.stdlib');
    library.mount('/lib/rest.zip');
    library.destroy();
}

/** Copies a folder of this machine into Pyodide's file system. @param {any} pyodide @param {string} from @param {string} to */
export function copyFolder(pyodide, from, to) {
    pyodide.FS.mkdirTree(to);
    for (const entry of readdirSync(from, { withFileTypes: true })) {
        if (entry.name === '__pycache__') continue;
        if (entry.isDirectory()) copyFolder(pyodide, `${from}/${entry.name}`, `${to}/${entry.name}`);
        else if (entry.isFile() && !entry.name.endsWith('.so')) pyodide.FS.writeFile(`${to}/${entry.name}`, readFileSync(`${from}/${entry.name}`));
    }
}
