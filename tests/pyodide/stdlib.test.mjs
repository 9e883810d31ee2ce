// The trimmed boot archive and the mounting of the rest, in the Python that ships.
// Owns what must and what must not be importable at each stage; knows nothing of pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zip } from '../../scripts/zip.mjs';
import { boot, mountRest } from './boot.mjs';

const WHEEL = 'sample_words-1.0-py3-none-any.whl';

/** A wheel made here: one module and what an installer asks for. */
function wheel() {
    const info = 'sample_words-1.0.dist-info';
    const files = {
        'sample_words.py': 'import fractions\nANSWER = str(fractions.Fraction(1, 3))\n',
        [`${info}/METADATA`]: 'Metadata-Version: 2.1\nName: sample-words\nVersion: 1.0\n',
        [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
        [`${info}/RECORD`]: '',
    };
    return zip(new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])));
}

test('the boot archive holds the application and none of what only packages need', async () => {
    const pyodide = await boot();
    const found = pyodide.runPython(`
import importlib, importlib.util, sys
import findling.app, findling.engine, findling.stdlib
[name for name in ("email", "xml", "html.parser", "unittest", "http.client", "importlib.metadata") if importlib.util.find_spec(name.partition(".")[0]) and importlib.util.find_spec(name)]
`).toJs();
    assert.deepEqual(found, []);
    assert.throws(() => pyodide.runPython('import email'), /No module named 'email'/);
});

test('an error in the application shows its traceback without the rest', async () => {
    const pyodide = await boot();
    assert.throws(() => pyodide.runPython('import findling.app\nraise ValueError("seen")'), /ValueError: seen/);
});

test('every module of the standard library can be imported once the rest is mounted', async () => {
    const pyodide = await boot();
    mountRest(pyodide);
    mountRest(pyodide);
    const failed = pyodide.runPython(`
import importlib, sys, zipfile
names = set()
for archive in [entry for entry in sys.path if entry.endswith(".zip")]:
    names.update(name[:-4].replace("/", ".").removesuffix(".__init__") for name in zipfile.ZipFile(archive).namelist() if name.endswith(".pyc"))
# Programs that act when imported, and modules of hosts that Pyodide is not.
skip = ("__main__", "antigravity", "this", "_pyrepl", "site-packages", "encodings.mbcs", "encodings.oem", "idlelib", "multiprocessing", "ctypes.macholib", "__hello__", "__phello__")
failed = []
for name in sorted(names):
    if name.startswith(skip) or name.endswith("__main__"):
        continue
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A compiled part that Pyodide does not have is no fault of the archives; a module written in Python is.
        if error.name in names:
            failed.append(f"{name}: {error}")
    except (ImportError, AttributeError, OSError):
        pass
str(failed), len(names)
`).toJs();
    assert.equal(failed[0], '[]');
    assert.ok(failed[1] > 500, `${failed[1]} modules`);
});

test('after a trimmed boot micropip installs a local wheel and numpy computes', async () => {
    const pyodide = await boot();
    mountRest(pyodide);
    await pyodide.loadPackage(['micropip', 'numpy'], { messageCallback: () => undefined });
    pyodide.FS.writeFile(`/${WHEEL}`, wheel());
    const answers = await pyodide.runPythonAsync(`
import micropip
await micropip.install("emfs:/${WHEEL}")
import email.message, html.parser, xml.etree.ElementTree, zipfile
import numpy, sample_words
message = email.message.EmailMessage()
message["Subject"] = "found"
class Words(html.parser.HTMLParser):
    def handle_data(self, data): self.data = data
words = Words()
words.feed("<b>bold</b>")
[sample_words.ANSWER, float(numpy.arange(5) @ numpy.ones(5)), message["Subject"], words.data, xml.etree.ElementTree.fromstring("<a b='c'/>").get("b"), zipfile.is_zipfile("/${WHEEL}")]
`);
    assert.deepEqual(answers.toJs(), ['1/3', 10, 'found', 'bold', 'c', true]);
});

test('a reader that needs the rest of the standard library asks for it, and is there once that is mounted', async () => {
    const pyodide = await boot();
    const book = zip(new Map([['a.txt', Buffer.from('a lighthouse')]]));
    pyodide.FS.writeFile('/a.zip', book);
    const script = `
from findling import readers
def attempt():
    try:
        return readers.read("a.zip", open("/a.zip", "rb").read()).documents[0].text
    except readers.Needs as need:
        return "needs " + need.package
attempt()
`;
    assert.equal(pyodide.runPython(script), 'needs stdlib');
    mountRest(pyodide);
    assert.equal(pyodide.runPython(script), 'a lighthouse');
});

test('what a start does not use is loaded when it is used, and not before', async () => {
    const pyodide = await boot();
    const kinds = () =>
        pyodide.runPython(`
import sys
[type(sys.modules[name]).__name__ for name in ("_colorize", "lzma", "findling.readers", "findling.passages")]
`).toJs();
    pyodide.runPython('import findling.app');
    assert.deepEqual(kinds(), ['Later', 'Later', 'Later', 'Later']);
    const found = pyodide.runPython(`
import _colorize, lzma
from findling.documents import Document
from findling.passages import cut
import findling.readers.text
(bool(_colorize.ANSIColors.RED), lzma.decompress(lzma.compress(b"seen")) == b"seen", len(cut(Document("1", "seen"))), findling.readers.read("a.txt", b"seen").documents[0].text)
`).toJs();
    assert.deepEqual(found, [true, true, 1, 'seen']);
    assert.deepEqual(kinds(), ['module', 'module', 'module', 'module']);
});
