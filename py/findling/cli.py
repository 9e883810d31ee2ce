"""The command line: the same App in a terminal.

Owns arguments and exit codes. Must not know how anything is computed, or how it is shown. Invariant: a command answers an
exit code and never ends the process.

Exit codes: 0 done · 1 ran, but found nothing (search), skipped a file (build --strict) or found a fault (doctor) ·
2 wrong usage · 3 the index or model is damaged or of another version or model · 4 an input cannot be read ·
5 network or digest · 70 a fault in Findling · 130 interrupted.
"""

import asyncio
import json as json_
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from findling import __version__, building, installed, published, readers, runs, terminal
from findling.app import App, Ticket
from findling.engine import encode, inspect, load
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
EXIT_BUG = 70
COLLECTION = "collection"

app = typer.Typer(help="Search by meaning, in a terminal and in a page.", pretty_exceptions_enable=False)
command = app.command

ModelOption = Annotated[Path | None, typer.Option("--model", envvar="FINDLING_MODEL", help="The model file (else the installed one).")]
PiecesOption = Annotated[Path | None, typer.Option("--pieces", envvar="FINDLING_PIECES", help="The piece table (else the one beside the model, if there is one).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Target = Annotated[str, typer.Argument(metavar="OUT", help="An index file, the folder of a published collection, or the address of either.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    try:
        # A command answers its exit code, an option such as --help ends with one of its own.
        return int(app(arguments, prog_name="findling", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        terminal.note("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough of it; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
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
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    pass


@command("build")
def _build(
    source: Annotated[list[Path], typer.Argument(metavar="SRC...", help=f"Files and folders: {readers.KINDS} and others, see docs/guide/files.md.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="A file *.findling, or the folder to publish into.")],
    json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no list of skipped files.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 if a file was skipped.")] = False,
    model: ModelOption = None,
    pieces: PiecesOption = None,
) -> int:
    """Index files or the files of folders."""
    engine = installed.engine(model, pieces)
    with terminal.Progress(quiet=quiet) as progress:
        answer = asyncio.run(building.build(engine, source, output, ticket=Ticket(progress.show), read=progress.read))
    terminal.built(str(output), answer, json=json, quiet=quiet)
    return 1 if strict and answer["skipped"] else 0


@command("search")
def _search(
    index: Target,
    query: Annotated[str | None, typer.Argument(metavar="QUERY", help="What to look for.")] = None,
    like: Annotated[str | None, typer.Option("--like", metavar="ID", help="The id of a document, instead of a query: those nearest to it by meaning.")] = None,
    queries: Annotated[Path | None, typer.Option("--queries", metavar="FILE", help="A TSV file with the columns qid and query, instead of one query.")] = None,
    run: Annotated[Path | None, typer.Option("--run", metavar="FILE", help="Where the hits of --queries go, as a TREC run.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many hits.")] = 10,
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

    async def opened() -> App:
        store, name = published.located(index)
        # What lies on this machine is read whole: it is exact then, and takes every operator.
        opening = App(installed.engine(model, pieces, encoder=encoder), store, whole=isinstance(store, FolderStore))
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
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder.")],
    port: Annotated[int, typer.Option("--port", help="The port.")] = 8000,
) -> int:
    """Serve a folder of a built site on this machine."""
    from findling.serve import serve

    serve(folder, port=port)
    return 0


@command("info")
def _info(file: Target, json: JsonOption = False) -> int:
    """Tell what an index or model file is."""
    headers = {name: inspect(data) for name, data in asyncio.run(published.read(file)).items()}
    if json:
        first = next(iter(headers.values()))
        terminal.as_json(first if len(headers) == 1 else first | {"files": headers})
    else:
        terminal.header(headers)
    return 0


@command("verify")
def _verify(file: Target) -> int:
    """Check every block of an index or model file against its digest."""
    for name, data in asyncio.run(published.read(file)).items():
        print(f"{name}: every block of the {inspect(data)['kind']} has its digest")
    return 0


@command("doctor")
def _doctor(model: ModelOption = None, pieces: PiecesOption = None) -> int:
    """Check that this installation can embed and search.

    Each line: ok or FAULT, what was looked at, what was found.
    """
    faults = 0

    def line(name: str, look: Callable[[], Any]) -> None:
        nonlocal faults
        try:
            found = look()
        except FindlingError as error:
            faults += 1
            print(f"FAULT  {name}: {error.message}")
        else:
            print(f"ok     {name}: {found}")

    def kernel() -> str:
        status = json_.loads(load().status())
        return f"{status['backend']}, {status['kernel']}"

    def embedding() -> str:
        engine = installed.engine(model, pieces)
        embeds = len(engine.embed(encode({"texts": ["a text"], "kind": "query"}))) > 0
        return f"a text becomes {json_.loads(engine.status())['model']['dim']} numbers" if embeds else "no numbers"

    line("python", lambda: f"{platform.python_version()} on {platform.machine()}")
    line("engine", kernel)
    line("model", lambda: installed.model_file(model))
    line("embedding", embedding)
    return 1 if faults else 0
