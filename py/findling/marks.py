"""What the reference engine shows of a document: title and best passage, whole, with the words of the query marked.

Owns the plain form of what the core's `snippets` marks, as the contract tests compare every backend with. Must not know how a
text is cut into tokens, nor windows: those are the core's alone. Invariant: the pieces joined are the text.
"""

from typing import Any

from findling.words import Analyse

Piece = dict[str, Any]


def snippets(plan: dict[str, Any], languages: list[str], analyse: Analyse) -> list[dict[str, Any]]:
    """For each of the plan's `items` its title and its best passage in pieces."""
    shown = []
    for item in plan["items"]:
        text, spans, passage = item.get("text", ""), item.get("spans", []), item.get("passage", 0)
        start, end = spans[passage] if spans else (0, len(text))
        title = marked(item.get("title", ""), plan["query"], languages, analyse)
        shown.append({"title": title, "snippet": marked(text[start:end], plan["query"], languages, analyse), "passage": passage})
    return shown


def marked(text: str, query: dict[str, Any], languages: list[str], analyse: Analyse) -> list[Piece]:
    """A text in pieces: free words and those of `in` wherever they are, those of a phrase where they follow one another."""
    marks: list[tuple[int, int]] = []
    for language in languages:
        tokens = analyse(text, language)["tokens"]
        for asked in [query.get("text", ""), *(each["text"] for each in query.get("in", ()))]:
            terms = {token["term"] for token in _asked(asked, languages, analyse)}
            marks += [(token["start"], token["end"]) for token in tokens if token["term"] in terms]
        for phrase in query.get("phrases", ()):
            steps: dict[int, set[str]] = {}
            for token in _asked(phrase["text"], languages, analyse):
                steps.setdefault(token["position"], set()).add(token["term"])
            marks += _runs(tokens, list(steps.values()))
    return _pieces(text.encode(), marks)


def _asked(text: str, languages: list[str], analyse: Analyse) -> list[dict[str, Any]]:
    return [token for language in languages for token in analyse(text, language)["tokens"]]


def _runs(tokens: list[dict[str, Any]], steps: list[set[str]]) -> list[tuple[int, int]]:
    """Where the steps of a phrase follow one another."""
    found = []
    for first in tokens:
        base = first["position"]
        run = [
            [token for token in tokens if token["position"] == base + number and token["term"] in step]
            for number, step in enumerate(steps)
        ]
        if steps and all(run) and first in run[0]:
            found.append((first["start"], max(token["end"] for step in run for token in step)))
    return found


def _pieces(text: bytes, marks: list[tuple[int, int]]) -> list[Piece]:
    hit = bytearray(len(text))
    for start, end in marks:
        hit[start:end] = b"\1" * (end - start)
    borders = [at for at in range(1, len(text)) if hit[at] != hit[at - 1]]
    edges = zip([0, *borders], [*borders, len(text)], strict=True) if text else ()
    return [{"text": text[start:end].decode(), "hit": bool(hit[start])} for start, end in edges]
