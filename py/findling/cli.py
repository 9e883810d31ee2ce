"""The command line: the same App in a terminal.

Owns arguments, what is printed where, and exit codes. Must not know how anything is computed. Invariant: results go to
stdout and nothing else does; progress, warnings and errors go to stderr.

Exit codes: 0 done · 1 ran, but found nothing (search), skipped a file (build --strict) or found a fault (doctor) ·
2 wrong usage · 3 the index or model is damaged or of another version or model · 4 an input cannot be read ·
5 network or digest · 70 a fault in Findling · 130 interrupted.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from findling import __version__, published, readers
from findling.app import App, Ticket
from findling.engine import Engine, encode, inspect, load
from findling.errors import BadInput, BadRequest, FindlingError, NotFound
from findling.query import ENCODERS, LEGS
from findling.sources import Sources
from findling.store import FolderStore

EXIT_OF = {
    "bad_request": 2,
    "bad_format": 3,
    "wrong_version": 3,
    "wrong_dim": 3,
    "wrong_space": 3,
    "wrong_digest": 5,
    "network": 5,
    "bad_input": 4,
    "not_found": 4,
    "storage": 4,
    "unsupported": 4,
    "not_ready": 4,
}
"""Exit code of each error code; 70 for all others."""
EXIT_BUG = 70
MODEL_NAME = "all-MiniLM-L6-v2.findling"
PIECES_SUFFIX = ".pieces"
PIECES_NAME = "all-MiniLM-L6-v2.pieces"
COLLECTION = "collection"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        _note("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough of it; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except FindlingError as error:
        _note(f"findling: {error.message} [{error.code}]")
        return EXIT_OF.get(error.code, EXIT_BUG)
    except OSError as error:
        _note(f"findling: {error.filename or ''}: {error.strerror or error} [storage]")
        return EXIT_OF["storage"]


def _build(options: argparse.Namespace) -> int:
    async def build() -> dict[str, Any]:
        out: Path = options.output
        app = App(_engine(options), FolderStore(out.parent), calibrate=True)
        await app.open(COLLECTION)
        sources = Sources(options.source, out)
        bar = _Bar(options.quiet)
        added = await app.add(COLLECTION, files=sources.files(bar.read), ticket=Ticket(bar.show))
        bar.end()
        added["skipped"] = sources.skipped + added["skipped"]
        added["left_out"] = sources.left_out
        if not added["documents"]:
            named = ", ".join(map(str, options.source))
            reasons = "".join(f"; {each['name']}: {each['reason']}" for each in added["skipped"][:3])
            raise NotFound(f"nothing in {named} could be indexed; {readers.KINDS} and other files can{reasons}")
        if out.suffix == published.SUFFIX:
            await FolderStore(out.parent).write(out.name, (await app.save(COLLECTION))["bytes"])
        else:
            await published.write(out, published.files(await app.publish(COLLECTION)))
        return added

    added = asyncio.run(build())
    if not options.quiet:
        for each in added["skipped"]:
            _note(f"skipped {each['name']}: {each['reason']} [{each['code']}]")
        if any(added["left_out"].values()):
            _note(f"left out: {', '.join(f'{count} {what}' for what, count in added['left_out'].items() if count)}")
    if options.json:
        print(json.dumps({"index": str(options.output), **added}, ensure_ascii=False))
    else:
        print(
            f"{options.output}: {added['documents']} documents, {added['passages']} passages, {len(added['skipped'])} files skipped"
        )
    return 1 if options.strict and added["skipped"] else 0


def _search(options: argparse.Namespace) -> int:
    asked = sum(each is not None for each in (options.query, options.queries, options.like))
    if asked != 1 or (options.queries is None) != (options.run is None):
        raise BadRequest("search takes a query, or --like ID, or --queries FILE and --run FILE")
    if options.run is not None and (options.json or options.explain):
        raise BadRequest("--json and --explain are for one query; a run has ids and scores only")

    wished = {"limit": options.limit, "legs": options.legs, "correct": not options.verbatim, "encoder": options.encoder}

    async def opened() -> App:
        store, name = published.located(options.index)
        # What lies on this machine is read whole: it is exact then, and takes every operator.
        app = App(_engine(options), store, whole=isinstance(store, FolderStore))
        await app.open(COLLECTION, name)
        return app

    async def one() -> dict[str, Any]:
        return await (await opened()).search(COLLECTION, options.query or "", like=options.like, explain=options.explain, **wished)

    async def all_of(queries: list[str]) -> list[dict[str, Any]]:
        return await (await opened()).search_all(COLLECTION, queries, **wished)

    if options.queries is not None:
        queries = _queries(options.queries)
        found = asyncio.run(all_of([query for _, query in queries]))
        _write_run(options.run, [(qid, answer["hits"]) for (qid, _), answer in zip(queries, found, strict=True)])
        return 0
    answer = asyncio.run(one())
    if options.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        if answer["corrections"]:
            changed = ", ".join(f"{each['to']} instead of {each['from']}" for each in answer["corrections"])
            _note(f"searched for {changed}; --verbatim searches for what was typed")
        if answer.get("close") is False:
            _note("nothing close was found; what comes nearest:" if answer["hits"] else "nothing close was found")
        for hit in answer["hits"]:
            _print_hit(hit)
    return 0 if answer["hits"] else 1


def _print_hit(hit: dict[str, Any]) -> None:
    document = hit["document"]
    glyph = document["meta"].get("emoji", "")
    title = _line(hit["title_pieces"]) or hit["id"]
    place = _place(hit["passage"]["place"])
    print(f"{hit['score']:.3f}  {glyph}{' ' if glyph else ''}{title}{f'  ({place})' if place else ''}")
    snippet = _line(hit["snippet"])
    if snippet:
        print(f"       {snippet}")
    for leg, told in hit.get("explain", {}).items():
        terms = "".join(f"  {term['word']} {term['contribution']:.3f}" for term in told.get("terms", ()))
        print(f"       {leg} {hit['legs'].get(leg, 0.0):.3f} gives {told['contribution']:.3f}{':' if terms else ''}{terms}")


def _place(place: dict[str, Any]) -> str:
    """Where a passage stands, as people say it."""
    told = []
    if "page" in place:
        told.append(f"page {place['page']}")
    if "time" in place:
        minutes, seconds = divmod(int(place["time"]), 60)
        told.append(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}")
    if place.get("line", 1) > 1:
        told.append(f"line {place['line']}")
    if place.get("headings"):
        told.append(_line([{"text": " > ".join(place["headings"]), "hit": False}]))
    return " · ".join(told)


def _line(pieces: list[dict[str, Any]]) -> str:
    """Pieces as one line, what was searched for in bold where somebody looks (NO_COLOR: see https://no-color.org)."""
    is_bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    line = ""
    for piece in pieces:
        # Signs that steer a terminal are not a document's to send.
        text = "".join(" " if sign.isspace() else "\ufffd" if unicodedata.category(sign) == "Cc" else sign for sign in piece["text"])
        line += f"\x1b[1m{text}\x1b[22m" if piece["hit"] and is_bold else text
    return re.sub(" +", " ", line).strip()


def _queries(file: Path) -> list[tuple[str, str]]:
    """The ids and texts of a TSV file whose header names the columns `qid` and `query`."""
    lines = readers.decode(file.read_bytes()).split("\n")
    columns = lines[0].split("\t")
    if not {"qid", "query"} <= set(columns):
        raise BadInput(f"{file} has no header with the columns qid and query; found {lines[0][:80]!r}")
    qid, query = columns.index("qid"), columns.index("query")
    rows = [line.split("\t") for line in lines[1:] if line.strip()]
    if any(len(row) <= max(qid, query) for row in rows):
        raise BadInput(f"{file} has a line with fewer columns than its header")
    found = [(row[qid], row[query]) for row in rows]
    if len(dict(found)) < len(found):
        raise BadInput(f"{file} has a qid twice; a run tells queries apart by it")
    for id, _ in found:
        _check_run_id(id, "query")
    return found


def _write_run(file: Path, ranked: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """The hits as a run in TREC's format: qid Q0 docid rank score tag."""
    lines = []
    for qid, hits in ranked:
        for rank, hit in enumerate(hits, 1):
            _check_run_id(hit["id"], "document")
            lines.append(f"{qid} Q0 {hit['id']} {rank} {hit['score']:.9f} findling\n")
    asyncio.run(FolderStore(file.parent).write(file.name, "".join(lines).encode()))


def _check_run_id(id: str, whose: str) -> None:
    if not id or id.split() != [id]:
        raise BadInput(f"the {whose} id {id!r} is empty or has white space, which separates the columns of a run; give it another")


def _serve(options: argparse.Namespace) -> int:
    from findling.serve import serve

    serve(options.folder, port=options.port)
    return 0


def _info(options: argparse.Namespace) -> int:
    headers = {name: inspect(data) for name, data in asyncio.run(published.read(options.file)).items()}
    first = next(iter(headers.values()))
    if options.json:
        print(json.dumps(first if len(headers) == 1 else first | {"files": headers}, ensure_ascii=False))
        return 0
    print(f"kind     {first['kind']}")
    told = first["meta"].get("user") or {}
    for key, value in sorted({**told, **first["meta"]}.items()):
        if isinstance(value, str | int | float):
            print(f"{key:<8} {value}")
    for name, header in headers.items():
        if len(headers) > 1:
            print(f"file     {name}  {sum(section['length'] for section in header['sections'])} bytes")
        for section in header["sections"]:
            print(f"section  {section['name']}  {section['length']} bytes")
    return 0


def _verify(options: argparse.Namespace) -> int:
    for name, data in asyncio.run(published.read(options.file)).items():
        print(f"{name}: every block of the {inspect(data)['kind']} has its digest")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    """Each line: ok or FAULT, what was looked at, what was found."""
    faults = 0

    def line(name: str, look: Any) -> None:
        nonlocal faults
        try:
            found = look()
        except FindlingError as error:
            faults += 1
            print(f"FAULT  {name}: {error.message}")
        else:
            print(f"ok     {name}: {found}")

    def kernel() -> str:
        status = json.loads(load().status())
        return f"{status['backend']}, {status['kernel']}"

    def embedding() -> str:
        dim = json.loads(_engine(options).status())["model"]["dim"]
        return f"a text becomes {dim} numbers" if _embeds(options) else "no numbers"

    line("python", lambda: f"{platform.python_version()} on {platform.machine()}")
    line("engine", kernel)
    line("model", lambda: _model(options))
    line("embedding", embedding)
    return 1 if faults else 0


def _embeds(options: argparse.Namespace) -> bool:
    return len(_engine(options).embed(encode({"texts": ["a text"], "kind": "query"}))) > 0


def _engine(options: argparse.Namespace) -> Engine:
    """An engine with its model and the piece table of --pieces or the one beside the model; for `--encoder static` the table alone."""
    engine = load()
    if getattr(options, "encoder", "auto") == "static":
        engine.load_pieces(_pieces(options).read_bytes())
        return engine
    model = _model(options)
    engine.load_model(model.read_bytes())
    pieces: Path = options.pieces or model.with_suffix(PIECES_SUFFIX)
    if options.pieces or pieces.is_file():
        engine.load_pieces(pieces.read_bytes())
    return engine


def _model(options: argparse.Namespace) -> Path:
    """The model file: --model, then FINDLING_MODEL, then the places an installation or a checkout keeps it."""
    return _kept("model file", MODEL_NAME, options.model, "--model", "FINDLING_MODEL")


def _pieces(options: argparse.Namespace) -> Path:
    """The piece table: --pieces, then FINDLING_PIECES, then the same places."""
    return _kept("piece table", PIECES_NAME, options.pieces, "--pieces", "FINDLING_PIECES")


def _kept(what: str, name: str, named: Path | None, option: str, variable: str) -> Path:
    told = named or os.environ.get(variable)
    package = Path(__file__).parent
    places = [Path(told)] if told else [folder / name for folder in (package / "models", package.parents[1] / ".cache/model")]
    for place in places:
        if place.is_file():
            return place
    raise NotFound(f"there is no {what} at {', '.join(map(str, places))}; name one with {option} or {variable}")


class _Bar:
    """Progress on stderr, where that is a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._shown = sys.stderr.isatty() and not quiet

    def show(self, done: int, total: int, name: str | None) -> None:
        self._say(f"{done}/{total} {(name or '')[:60]}")

    def read(self, name: str) -> None:
        self._say(f"reading {name[-60:]}")

    def _say(self, text: str) -> None:
        if self._shown:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="findling", description="Search by meaning, in a terminal and in a page.")
    parser.add_argument("--version", action="version", version=f"findling {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(command=function)
        return added

    def with_model(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--model", type=Path, help="the model file (else FINDLING_MODEL, else the installed one)")
        parser.add_argument("--pieces", type=Path, help="the piece table (else the one beside the model, if there is one)")

    build = command("build", _build, "index files or the files of folders")
    build.add_argument("source", type=Path, nargs="+", metavar="SRC", help=f"files and folders: {readers.KINDS} and others, see docs/guide/files.md")
    build.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="a file *.findling, or the folder to publish into")
    build.add_argument("--json", action="store_true", help="print the result as one JSON object")
    build.add_argument("--quiet", action="store_true", help="no progress and no list of skipped files")
    build.add_argument("--strict", action="store_true", help="end with 1 if a file was skipped")
    with_model(build)

    search = command("search", _search, "search an index")
    search.add_argument("index", metavar="OUT", help="an index file, the folder of a published collection, or its address")
    search.add_argument("query", nargs="?", help="what to look for")
    search.add_argument("--like", metavar="ID", help="the id of a document, instead of a query: those nearest to it by meaning")
    search.add_argument("--queries", type=Path, metavar="FILE", help="a TSV file with the columns qid and query, instead of one query")
    search.add_argument("--run", type=Path, metavar="FILE", help="where the hits of --queries go, as a TREC run")
    search.add_argument("--limit", type=_limit, default=10, help="how many hits (10)")
    search.add_argument("--legs", choices=LEGS, default="both", help="rank by meaning, by words or by both (both)")
    search.add_argument("--encoder", choices=ENCODERS, default="auto", help="what makes a query's vector (auto: the model)")
    search.add_argument("--verbatim", action="store_true", help="take no word for a typing error")
    search.add_argument("--explain", action="store_true", help="tell for each hit how its score came about")
    search.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    with_model(search)

    serve = command("serve", _serve, "serve a folder of a built site on this machine")
    serve.add_argument("folder", type=Path, metavar="OUT", help="the folder")
    serve.add_argument("--port", type=int, default=8000, help="the port (8000)")

    info = command("info", _info, "tell what an index or model file is")
    info.add_argument("file", metavar="OUT", help="a file, a folder or an address")
    info.add_argument("--json", action="store_true", help="print the header as one JSON object")

    verify = command("verify", _verify, "check every block of an index or model file against its digest")
    verify.add_argument("file", metavar="OUT", help="a file, a folder or an address")

    with_model(command("doctor", _doctor, "check that this installation can embed and search"))
    return parser


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= 1000:
        raise argparse.ArgumentTypeError("1 to 1000 was expected")
    return limit
