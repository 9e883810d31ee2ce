// The application's own tests, run by pytest inside Pyodide: the same files that CPython runs.
// Owns what is copied into Pyodide for that; knows nothing of what they test. Invariant: a test that fails, or is left
// out here alone, fails this one.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { at, boot, copyFolder, mountRest } from './boot.mjs';

const PACKAGES = ['_pytest', 'pytest', 'pluggy', 'iniconfig', 'packaging', 'pygments'];

test('the tests of the application and of the wire pass inside Pyodide', async () => {
    const pyodide = await boot();
    mountRest(pyodide);
    await pyodide.loadPackage(['numpy', 'mutagen', 'pypdf'], { messageCallback: () => undefined });
    const library = at('.venv/lib');
    const version = readdirSync(library).find(name => name.startsWith('python3.'));
    const packages = `${library}/${version}/site-packages`;
    for (const name of PACKAGES) copyFolder(pyodide, `${packages}/${name}`, `/packages/${name}`);
    pyodide.FS.writeFile('/packages/py.py', readFileSync(`${packages}/py.py`));
    for (const folder of ['tests/app', 'tests/readers', 'tests/wire', 'tests/golden']) copyFolder(pyodide, at(folder), `/repository/${folder}`);
    pyodide.FS.writeFile('/repository/tests/conftest.py', readFileSync(at('tests/conftest.py')));
    // Not as /repository/py: pytest has a module of that name, and the working folder comes first.
    copyFolder(pyodide, at('py/findling'), '/application/findling');
    const lines = [];
    pyodide.setStdout({ batched: line => lines.push(line) });
    pyodide.setStderr({ batched: line => lines.push(line) });
    const status = pyodide.runPython(`
import os, sys
sys.path[:0] = ["/application", "/packages"]
sys.dont_write_bytecode = True
os.chdir("/repository")
for name in [name for name in sys.modules if name.partition(".")[0] == "findling"]:
    del sys.modules[name]
import pytest
int(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:threadexception", "--rootdir=/repository", "tests/app", "tests/readers", "tests/wire"]))
`);
    assert.equal(status, 0, lines.join('\n'));
    assert.match(lines.at(-1) ?? '', /^\d+ passed/, 'nothing is left out here that CPython runs');
});
