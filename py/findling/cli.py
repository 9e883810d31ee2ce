"""The command line: the same App in a terminal.

Owns arguments and exit codes. Must not know how anything is computed, or how it is shown. Invariant: a command answers an
exit code and never ends the process.

Exit codes: 0 done · 1 ran, but found nothing (search), skipped a file (build --strict) or found a fault (doctor) ·
2 wrong usage · 3 the index or model is damaged or of another version or model · 4 an input cannot be read ·
5 network or digest · 70 a fault in Findling · 130 interrupted.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec
from urllib.parse import quote, urlsplit

import typer

from findling import (
    __version__,
    building,
    bundle,
    config,
    doctor,
    installed,
    published,
    readers,
    runs,
    segments,
    terminal,
    watching,
)
from findling.app import App, Ticket
from findling.engine import inspect
from findling.errors import BadRequest, FindlingError
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
EXIT_BUG, EXIT_INTERRUPTED = 70, 130
COLLECTION = "collection"
WATCH_S = 1.0
"""How long --watch waits before it looks at the files again."""
PATHS = ("source", "output", "model", "pieces", "queries", "run", "folder", "file")
"""What is a path, or an address, where it is written in a file of settings."""

app = typer.Typer(
    help="Search by meaning, in a terminal and in a page.", pretty_exceptions_enable=False, context_settings={"auto_envvar_prefix": "FINDLING"}
)
Arguments = ParamSpec("Arguments")


def command(name: str) -> Callable[[Callable[Arguments, int]], Callable[Arguments, int]]:
    """A function as the command of a name; typer makes exit codes of its own of what is caught here, so it must not see it."""

    def register(function: Callable[Arguments, int]) -> Callable[Arguments, int]:
        @wraps(function)
        def guarded(*arguments: Arguments.args, **options: Arguments.kwargs) -> int:
            try:
                code = function(*arguments, **options)
                sys.stdout.flush()
                return code
            except KeyboardInterrupt:
                terminal.note("interrupted")
                return EXIT_INTERRUPTED
            except BrokenPipeError:
                # Whoever read our output has enough of it; nothing more can be written, not even at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 0

        return app.command(name)(guarded)

    return register


ModelOption = Annotated[str | None, typer.Option("--model", envvar="FINDLING_MODEL", metavar="FILE", help="The model, a file or an address that it is fetched from once (else the installed one).")]
PiecesOption = Annotated[str | None, typer.Option("--pieces", envvar="FINDLING_PIECES", metavar="FILE", help="The piece table, likewise (else the one beside the model, if there is one).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Target = Annotated[str, typer.Argument(metavar="OUT", help="An index file, the folder of a published collection, or the address of either.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    try:
        # A command answers its exit code, an option such as --help ends with one of its own.
        return int(app(arguments, prog_name="findling", standalone_mode=False) or 0)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        terminal.note(f"findling: {error.format_message()} See {context.command_path if context else 'findling'} --help")
        return EXIT_OF["bad_request"]
    except FindlingError as error:
        terminal.note(f"findling: {error.message} [{error.code}]")
        return EXIT_OF.get(error.code, EXIT_BUG)
    except OSError as error:
        terminal.note(f"findling: {error.filename or ''}: {error.strerror or error} [storage]")
        return EXIT_OF["storage"]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"findling {__version__}")
        raise typer.Exit()


@app.callback()
def _before(
    context: typer.Context,
    settings: Annotated[Path | None, typer.Option("--config", envvar="FINDLING_CONFIG", metavar="FILE", help="A file of settings (else findling.toml, else [tool.findling] in pyproject.toml).")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    context.obj = config.find(Path(), settings)
    if context.obj is not None:
        context.default_map = config.read(context.obj, options())


def options() -> dict[str, dict[str, bool]]:
    """The options of each command by their names, and whether each is a path; of the arguments, those that cannot be taken for another."""
    commands = typer.main.get_group(app).commands
    taken = {
        name: [each for each in one.params if each.param_type_name == "option" or each.nargs == -1]
        for name, one in commands.items()
    }
    return {name: {str(each.name).replace("_", "-"): each.name in PATHS for each in each_of} for name, each_of in taken.items()}


@command("build")
def _build(
    source: Annotated[list[Path], typer.Argument(metavar="SRC...", help=f"Files and folders: {readers.KINDS} and others, see docs/guide/files.md.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="A file *.findling, or the folder to publish into.")],
    json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no list of skipped files.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 if a file was skipped.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", metavar="N", min=1, max=1024, help="Embed on so many threads (else on all cores); the bytes are the same.")] = None,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="The address that SRC has on the web: files that tell no address of their own get one.")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin from nothing; else what an earlier build left is kept, and only what changed is embedded.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and build again whenever the files changed.")] = False,
    model: ModelOption = None,
    pieces: PiecesOption = None,
) -> int:
    """Index files or the files of folders."""
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise BadRequest(f"--url takes an address that begins with http:// or https://, not {url!r}")
    if jobs is not None:
        installed.use_threads(jobs)
    installed.give_back()

    def once() -> dict[str, Any]:
        engine = installed.engine(model, pieces)
        with terminal.Progress(quiet=quiet) as progress:
            answer = asyncio.run(building.build(engine, source, output, ticket=Ticket(progress.show), read=progress.read, fresh=fresh, url=url))
        terminal.built(str(output), answer, json=json, quiet=quiet)
        return answer

    def again() -> None:
        try:
            once()
        except FindlingError as error:
            terminal.note(f"findling: {error.message} [{error.code}]; waiting for the files to change")

    if watch:
        watching.watch(source, output, again, lambda: time.sleep(WATCH_S))
    return 1 if once()["skipped"] and strict else 0


@command("search")
def _search(
    index: Target,
    query: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="What to look for.")] = None,
    like: Annotated[str | None, typer.Option("--like", metavar="ID", help="The id of a document, instead of a query: those nearest to it by meaning.")] = None,
    queries: Annotated[Path | None, typer.Option("--queries", metavar="FILE", help="A TSV file with the columns qid and query, instead of one query.")] = None,
    run: Annotated[Path | None, typer.Option("--run", metavar="FILE", help="Where the hits of --queries go, as a TREC run.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many hits.")] = 10,
    legs: Annotated[Literal["both", "meaning", "words"], typer.Option("--legs", help="What ranks.")] = "both",
    encoder: Annotated[Literal["auto", "model", "static"], typer.Option("--encoder", help="What makes a query's vector; auto: the model.")] = "auto",
    verbatim: Annotated[bool, typer.Option("--verbatim", help="Take no word for a typing error.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Tell for each hit how its score came about.")] = False,
    json: JsonOption = False,
    model: ModelOption = None,
    pieces: PiecesOption = None,
) -> int:
    """Search an index."""
    asked = sum(each is not None for each in (query, queries, like))
    if asked != 1 or (queries is None) != (run is None):
        raise BadRequest("search takes a query, or --like ID, or --queries FILE and --run FILE")
    if run is not None and (json or explain):
        raise BadRequest("--json and --explain are for one query; a run has ids and scores only")
    wished: dict[str, Any] = {"limit": limit, "legs": legs, "correct": not verbatim, "encoder": encoder}

    store, name = published.located(index)
    engine = installed.engine(model, pieces, encoder=encoder)

    async def opened() -> App:
        # What lies on this machine is read whole: it is exact then, and takes every operator.
        opening = App(engine, store, whole=isinstance(store, FolderStore))
        await opening.open(COLLECTION, name)
        return opening

    async def one() -> dict[str, Any]:
        return await (await opened()).search(COLLECTION, query or "", like=like, explain=explain, **wished)

    async def many(asked: list[tuple[str, str]], out: Path) -> None:
        answers = await (await opened()).search_all(COLLECTION, [text for _, text in asked], **wished)
        await runs.write(out, [(qid, answer["hits"]) for (qid, _), answer in zip(asked, answers, strict=True)])

    if queries is not None and run is not None:
        asyncio.run(many(runs.queries(queries), run))
        return 0
    answer = asyncio.run(one())
    (terminal.as_json if json else terminal.found)(answer)
    return 0 if answer["hits"] else 1


@command("serve")
def _serve(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="An index file or the folder of a published collection, or the folder of a site.")],
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
) -> int:
    """Serve the page over a collection, or the folder of a site, on this machine."""
    from findling.serve import serve

    if not published.is_collection(folder):
        serve(folder, port=port)
        return 0
    terminal.note(f"{folder}: {asyncio.run(published.read_first(str(folder)))} bytes are read at another place before the first hit, then what a query needs")
    name = segments.POINTER if folder.is_dir() else folder.name
    serve(installed.site(), port=port, mounts={"index": folder}, address=f"?index=index/{quote(name)}")
    return 0


@command("info")
def _info(file: Target, json: JsonOption = False) -> int:
    """Tell what an index or model file is."""
    headers = {name: inspect(data) for name, data in asyncio.run(published.read(file)).items()}
    if json:
        first = next(iter(headers.values()))
        terminal.as_json(first if len(headers) == 1 else first | {"files": headers, "read_first_bytes": segments.read_first(first)})
    else:
        terminal.header(headers)
    return 0


@command("verify")
def _verify(file: Target) -> int:
    """Check every block of an index or model file against its digest."""
    for name, data in asyncio.run(published.read(file)).items():
        print(f"{name}: every block of the {inspect(data)['kind']} has its digest")
    return 0


@command("export")
def _export(
    source: Annotated[str, typer.Argument(metavar="OUT", help="An index file, the folder of a published collection, or the address of either.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that is written.")],
) -> int:
    """Put a whole collection into one file, to carry it somewhere else."""
    (_, first), *others = asyncio.run(published.read(source)).items()
    data = bundle.pack({segments.POINTER: first, **dict(others)}, inspect)
    asyncio.run(FolderStore(file.parent).write(file.name, data))
    print(f"{file}: {len(data)} bytes")
    return 0


@command("import")
def _import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote, here or in the page.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder that the collection is put into, or a file *.findling for a collection of one file.")],
) -> int:
    """Put the collection of a file that was exported into a folder; one that was there is replaced."""
    files = bundle.unpack(file.read_bytes(), inspect)
    if output.suffix != segments.SUFFIX:
        asyncio.run(published.write(output, files))
    elif len(files) == 1:
        asyncio.run(FolderStore(output.parent).write(output.name, files[segments.POINTER]))
    else:
        raise BadRequest(f"the collection has {len(files)} files, so it needs a folder; name one without {segments.SUFFIX}")
    print(f"{output}: {len(files)} files, {sum(map(len, files.values()))} bytes")
    return 0


@command("doctor")
def _doctor(context: typer.Context, json: JsonOption = False, model: ModelOption = None, pieces: PiecesOption = None) -> int:
    """Check whether this installation can embed and search, how fast, and what is to be done where it cannot."""
    checks = []
    for check in doctor.examine(model, pieces, context.obj):
        checks.append(check.as_object())
        if not json:
            terminal.check(checks[-1])
    if json:
        terminal.as_json({"checks": checks})
    return 0 if all(check["ok"] for check in checks) else 1
