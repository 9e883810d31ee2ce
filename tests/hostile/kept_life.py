"""A collection's life in a folder, and the killing of a process that lives it, at any step of its writing.

Owns what happens in a life of a seed, and the steps: every call that changes the disk, and the middle of every write. Must not
know how files are written. Invariant: a life of one seed takes the same steps each time.

    kept_life.py FOLDER MODEL SEED STEP    live in FOLDER and be killed at STEP (0: never); prints a line for each state that is saved
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

WORDS = "boat keeper storm anchor water light house rope sail wind harbour gull tide chart lamp crew".split()
NAME = "things"
LENGTH = 6
"""How much happens in a life that is killed."""

Documents = dict[str, dict[str, Any]]


def document(chance: random.Random, id: str) -> dict[str, Any]:
    """A document of a few words or of some sentences."""
    words = chance.choices(WORDS, k=chance.choice((3, 8, 40)))
    return {"id": id, "title": f"note {chance.randrange(10**6)}", "text": " ".join(words)}


def operations(seed: int, count: int) -> list[tuple[str, Any]]:
    """What happens, one after the other: add, remove, rename, and now and then an export that comes back after a removal."""
    chance = random.Random(seed)
    happens: list[tuple[str, Any]] = []
    for _ in range(count):
        ids = [f"d{chance.randrange(40)}" for _ in range(chance.choice((1, 3, 15)))]
        verb = chance.choice(("add", "add", "add", "add", "remove", "remove", "rename", "carry"))
        if verb == "carry":
            happens += [("delete", None), ("import_", None)]
        elif verb == "add":
            happens.append((verb, [document(chance, id) for id in dict.fromkeys(ids)]))
        else:
            happens.append((verb, ids if verb == "remove" else f"title {chance.randrange(10**6)}"))
    return happens


def states(happens: list[tuple[str, Any]]) -> list[tuple[str, Documents]]:
    """The title and the documents before and after each of what happens."""
    found: list[tuple[str, Documents]] = [(NAME, {})]
    for verb, what in happens:
        title, documents = found[-1][0], dict(found[-1][1])
        if verb == "add":
            documents |= {each["id"]: {"title": each["title"], "text": each["text"]} for each in what}
        elif verb == "remove":
            documents = {id: each for id, each in documents.items() if id not in what}
        elif verb == "rename":
            title = what
        elif verb == "delete":
            title, documents = NAME, {}
        else:
            title, documents = found[-2]
        found.append((title, documents))
    return found


def app_over(store: Any, model: bytes) -> Any:
    """An application of its own, over the native engine."""
    from findling.app import App
    from findling.engine import load
    from findling.store import MemoryStore

    engine = load()
    engine.load_model(model)
    return App(engine, MemoryStore(), keep=store)


async def do(app: Any, verb: str, what: Any) -> dict[str, Any]:
    """One of what happens."""
    if verb == "add":
        answer: dict[str, Any] = await app.add(NAME, documents=what)
    elif verb == "delete":
        app.carried = (await app.export(NAME))["bytes"]
        answer = {"saved": await app.delete(NAME) == {}}
    elif verb == "import_":
        answer = await app.import_(NAME, app.carried)
    else:
        answer = await (app.remove if verb == "remove" else app.rename)(NAME, what)
    return answer


async def contents(app: Any) -> tuple[str, Documents]:
    """What the collection holds."""
    state = await app.open(NAME, keep=True)
    held = app._collections[NAME]
    records = await held._ask(app._engine.records, {"index": NAME})
    return state["title"], {each["id"]: {key: each["record"][key] for key in ("title", "text")} for each in records["records"]}


def kill(folder: Path, model: Path, seed: int, step: int) -> tuple[int, int]:
    """Live in a folder until a step; gives the number of the state that was last said to be saved, and of steps, 0 when it was killed."""
    command = [sys.executable, __file__, str(folder), str(model), str(seed), str(step)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    if ended.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(ended.stderr)
    saved = max((each["saved"] for each in told if "saved" in each), default=0)
    return saved, told[-1]["steps"] if ended.returncode == 0 else 0


def check(folder: Path, model: Path, seed: int, saved: int) -> str:
    """After a kill: old or new is stored, it can be changed, and what was left over goes. Gives which of both it was."""
    from findling.store import FolderStore

    happens = operations(seed, LENGTH)
    known = states(happens)

    async def scenario() -> str:
        app = app_over(FolderStore(folder), model.read_bytes())
        stored = await contents(app)
        assert stored in known[saved:], f"seed {seed}: neither old nor new is stored"
        after = {"title": "the kill", "text": "is over"}
        assert (await app.add(NAME, documents=[{"id": "after", **after}]))["saved"]
        again = await contents(app_over(FolderStore(folder), model.read_bytes()))
        assert again == (stored[0], stored[1] | {"after": after})
        left = [name for name in os.listdir(folder / NAME) if name.startswith(".")]
        assert left == [], "what a kill left half written is swept away"
        return "old" if stored == known[saved] else "new"

    return asyncio.run(scenario())


def _watch(at: int) -> list[int]:
    """Count the steps, and end at one of them as a kill from outside would."""
    steps = [0]

    def step() -> None:
        steps[0] += 1
        if steps[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            step()
            answer = function(*arguments, **more)
            step()
            return answer

        return call

    for name in ("replace", "fsync", "unlink", "mkdir", "rmdir", "chmod"):
        setattr(os, name, counted(getattr(os, name)))
    opened = os.fdopen

    def halved(*arguments: Any, **more: Any) -> Any:
        stream = opened(*arguments, **more)
        write = stream.write

        class Halved:
            def write(self, data: Any) -> None:
                write(data[: len(data) // 2])
                stream.flush()
                step()
                write(data[len(data) // 2 :])

            def __enter__(self) -> "Halved":
                return self

            def __exit__(self, *_: Any) -> None:
                stream.close()

            def __getattr__(self, name: str) -> Any:
                return getattr(stream, name)

        return Halved()

    os.fdopen = halved
    return steps


def main() -> None:
    """Live, and tell what is saved."""
    folder, model, seed, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    from findling.store import FolderStore

    steps = _watch(at)

    async def live() -> None:
        app = app_over(FolderStore(folder), model.read_bytes())
        await app.open(NAME, keep=True)
        for number, (verb, what) in enumerate(operations(seed, LENGTH), 1):
            if (await do(app, verb, what))["saved"]:
                print(json.dumps({"saved": number}), flush=True)

    asyncio.run(live())
    print(json.dumps({"steps": steps[0]}), flush=True)


if __name__ == "__main__":
    main()
