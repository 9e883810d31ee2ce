"""The reference engine: the Engine contract in plain numpy, f64 and brute force, slow and obviously right.

Owns the oracle of the contract tests, and an embedder for it; the words leg is in `words.py`. Must not know the Rust engine or
its file format: its own dump is JSON after a line of magic. For CPython only, it needs numpy. Invariant: scores come from
the same int8 codes that the contract defines, multiplied in f64, and equal scores rank by id, bytewise.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from findling import facets
from findling.errors import BadInput, BadRequest, NotFound, NotReady, Unsupported, WrongDim, WrongSpace
from findling.marks import snippets
from findling.reference_impacts import Impacts, short_codes, unit
from findling.reference_segments import Commits, Opening, digest_of, packed, unpacked
from findling.reference_segments import inspect as inspect
from findling.words import Analyse, Knows, Words, simple, words_of

Embed = Callable[[list[str], str], "np.ndarray[Any, np.dtype[np.float32]]"]
Shorten = Callable[["np.ndarray[Any, np.dtype[np.float32]]"], "np.ndarray[Any, np.dtype[np.float32]]"]

CODE_MAX = 127
QUERY_CODE_MAX = 2047
LONG_WORDS = 200
"""A document of more words counts by half as a whole."""
MEANING_WEIGHT, WORDS_WEIGHT = 0.65, 0.35
_PLAN_KEYS = set("index text vector like space words weights offset limit meaning_k cursor filter facets sort explain encoder precision".split())

Codes = tuple[list[int], float]


class HashedWords:
    """Vectors of word counts under a random projection whose signs are a hash of each word: lexical, without any training.

    Texts that share words are near, others nearly orthogonal (Achlioptas, "Database-friendly random projections", 2003).
    """

    name = "hashed-words"

    def __init__(self, dim: int = 512) -> None:
        self.dim = dim
        self.space = hashlib.sha256(f"hashed words, sha256 signs, dim {dim}".encode()).hexdigest()

    def __call__(self, texts: list[str], kind: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
        rows = np.zeros((len(texts), self.dim))
        for row, text in zip(rows, texts, strict=True):
            for word in "".join(letter if letter.isalnum() else " " for letter in text.lower()).split() or [""]:
                row += self._signs(word)
            row /= np.linalg.norm(row) or 1.0
        return rows.astype(np.float32)

    def _signs(self, word: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
        blocks = (self.dim + 255) // 256
        digests = b"".join(hashlib.sha256(f"{block} {word}".encode()).digest() for block in range(blocks))
        bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8))[: self.dim]
        return bits.astype(np.float64) * 2 - 1


class ReferenceEngine:
    """An Engine whose vectors come from `embed`: hashed words, the fp32 oracle, or another engine's own embedding."""

    def __init__(
        self,
        embed: Embed,
        *,
        name: str,
        space: str,
        dim: int,
        analyse: Analyse = simple,
        knows: Knows = lambda form: False,
        shorten: Shorten | None = None,
    ) -> None:
        """`shorten` is how a piece table projects a vector: with it, meaning at the precision of impacts is that of short codes."""
        self._embed = embed
        self._shorten = shorten
        self._analyse = analyse
        self._knows = knows
        self._model: dict[str, Any] = {"name": name, "space": space, "dim": dim}
        self._indexes: dict[str, dict[str, Any]] = {}
        self._commits: dict[str, Commits] = {}
        self._provided: dict[str, dict[int, bytes]] = {}

    @classmethod
    def with_hashed_words(cls, dim: int = 512) -> "ReferenceEngine":
        """A reference engine that needs no model file."""
        embedder = HashedWords(dim)
        return cls(embedder, name=embedder.name, space=embedder.space, dim=dim)

    def backend(self) -> str:
        return "reference"

    def load_model(self, model: Any) -> bytes:
        raise BadRequest("the reference engine has its embedder from the start; it loads no model file")

    def adopt_model(self, model: Any) -> bytes:
        return self.load_model(model)

    def load_pieces(self, pieces: Any) -> bytes:
        raise BadRequest("the reference engine embeds by itself; it loads no piece table")

    def tokenize(self, request: bytes) -> bytes:
        raise NotReady("the reference engine takes whole texts; it has no tokenizer")

    def embed(self, request: bytes) -> bytes:
        plan = json.loads(request)
        return self._embed(plan["texts"], plan["kind"]).astype("<f4").tobytes()

    def open(self, request: bytes) -> bytes:
        plan = json.loads(request)
        name, file = plan["index"], plan.get("file")
        commits = Commits()
        if file is None:
            opened: dict[str, Any] = {"documents": {}, "space": self._model["space"], "meta": {}}
        else:
            whole = self._provided.get(file, {}).get(0)
            if whole is None:
                return _bytes({"need": [{"file": file, "offset": 0, "length": plan["length"]}]})
            opened = unpacked(whole, file)
            if "segments" in opened:
                opening = Opening(opened, digest_of(whole), file.rpartition("/")[0] + "/" * ("/" in file))
                for each in opened["segments"]:
                    if found := self._provided.get(opening.folder + each["file"]):
                        opening.arrived[each["file"]] = unpacked(found[0], each["file"])["documents"]
                if needs := opening.needs():
                    return _bytes({"need": needs})
                opened, commits = opening.opened()
                for each in commits.base.segments if commits.base else ():
                    del self._provided[opening.folder + each.file]
            # Another file may lie there when it is opened again.
            del self._provided[file]
        self._indexes[name] = opened
        self._commits[name] = commits
        return _bytes({"index": name, **_counts(opened), "space": opened["space"], "meta": opened["meta"]})

    def provide(self, file: str, offset: int, data: Any) -> None:
        self._provided.setdefault(file, {})[offset] = bytes(data)

    def add(self, request: bytes) -> bytes:
        plan = json.loads(request)
        index = self._index(plan)
        if index["space"] != self._model["space"]:
            raise WrongSpace("the index holds vectors of another model", wanted=index["space"], found=self._model["space"])
        texts = [text for document in plan["documents"] for text in document["passages"]]
        # An embedder need not know what no texts at all would give.
        return self._added(index, plan["documents"], self._embed(texts, "passage") if texts else np.zeros((0, self._model["dim"]), np.float32))

    def add_vectors(self, request: bytes, vectors: Any) -> bytes:
        plan = json.loads(request)
        index = self._index(plan)
        if index["space"] != plan["space"]:
            raise WrongSpace("the vectors are of another model than the index", wanted=index["space"], found=plan["space"])
        flat = np.frombuffer(bytes(vectors), np.float32)
        passages, dim = sum(len(document["passages"]) for document in plan["documents"]), self._model["dim"]
        if len(flat) % max(passages, 1):
            raise BadRequest("the vectors are not one row for each passage")
        if len(flat) != passages * dim:
            raise WrongDim("the vectors have another length than those of the index", found=len(flat) // passages, wanted=dim)
        return self._added(index, plan["documents"], flat.reshape(passages, dim))

    def _added(self, index: dict[str, Any], documents: list[dict[str, Any]], vectors: "np.ndarray[Any, np.dtype[np.float32]]") -> bytes:
        fresh = {}
        rows = list(vectors)
        for document in documents:
            own, rows = rows[: len(document["passages"])], rows[len(document["passages"]) :]
            kept = {key: document[key] for key in ("record", "fields", "language", "values") if key in document}
            is_long = words_of(document.get("fields", {}).get("text", ""), self._analyse) > LONG_WORDS
            fresh[document["id"]] = kept | {
                "codes": [document_codes(vector) for vector in own],
                "whole": document_codes(mean(own)) if is_long else None,
            }
        passages = len(vectors)
        replaced = sum(id in index["documents"] for id in fresh)
        for id in fresh:
            index["documents"].pop(id, None)
        index["documents"].update(fresh)
        return _bytes({"added": len(fresh) - replaced, "replaced": replaced, "passages": passages})

    def remove(self, request: bytes) -> bytes:
        plan = json.loads(request)
        documents = self._index(plan)["documents"]
        return _bytes({"removed": sum(documents.pop(id, None) is not None for id in dict.fromkeys(plan["ids"]))})

    def search(self, request: bytes) -> bytes:
        plan = json.loads(request)
        unknown = set(plan) - _PLAN_KEYS
        if unknown:
            raise BadRequest(f"the plan has the unknown key {min(unknown)!r}")
        index = self._index(plan)
        documents = index["documents"]
        words = Words(documents, self._analyse, self._knows) if "words" in plan else None
        typed = plan.get("words", {}).get("text", "")
        plan, corrections = _corrected(plan, words)
        by_impacts = plan.get("precision") == "impacts"
        shorten = self._shorten if by_impacts else None
        query = self._query(plan, index, shorten) if plan.keys() & {"text", "vector", "like"} else None
        asked = None if words is None else words.query(plan["words"])
        if query is None and asked is None:
            raise BadRequest("the plan needs `text`, `vector` or `words`")
        offset, limit, filter = plan.get("offset", 0), plan.get("limit", 10), plan.get("filter", {"and": []})
        meaning_k = plan.get("meaning_k", max(facets.MEANING_K, offset + limit))
        if plan.get("cursor"):
            meaning_k, offset = map(int, plan["cursor"].split("-"))
        values = {id: each.get("values", {}) for id, each in documents.items()}
        impacts = Impacts(words) if by_impacts and words is not None else None
        shares = {id: asked.score(id, impacts) for id in documents} if asked is not None else {}
        hits = {id: _hit(_shortened(each, shorten), query, shares.get(id), plan.get("weights", {})) for id, each in documents.items()}
        of_words = None if asked is None or asked.is_blank else {id for id, hit in hits.items() if hit["legs"]["words"] > 0}
        meaning = None if query is None else {id: hit["legs"]["meaning"] for id, hit in hits.items()}
        exact = _exact(words, typed, plan)
        for id in exact:
            hits[id]["score"] = float(np.float32(hits[id]["score"] + _most(plan, hits[id]["legs"])))

        def matched(filter: Mapping[str, Any]) -> set[str]:
            others = [id for id in documents if id != plan.get("like")]
            allowed = {id for id in others if facets.passes(filter, id, values[id]) and (asked is None or asked.meets(id))}
            best = facets.matched(allowed, of_words, meaning, meaning_k)
            return best | (exact & allowed)

        found = {id: hits[id] for id in matched(filter)}
        if plan.get("sort"):
            order = facets.sorted_ids(plan["sort"], {id: values[id] for id in found})
        else:
            order = sorted(found, key=lambda id: (-found[id]["score"], id.encode()))
        reply: dict[str, Any] = {
            "hits": [{"id": id, **found[id], "record": documents[id]["record"]} for id in order[offset : offset + limit]],
            "total": len(found),
            "exact": True,
        }
        if "text" in plan:
            reply["encoder"] = "model"
        end = offset + len(reply["hits"])
        if "cursor" in plan and offset < end < len(found):
            reply["cursor"] = f"{meaning_k}-{end}"
        if plan.get("facets"):
            sets = [(facet, matched(facets.without_any(filter, facet["field"]))) for facet in plan["facets"]]
            reply["facets"] = [facets.counted(facet, [values[id] for id in ids]) for facet, ids in sets]
        return _bytes(reply | ({"corrections": corrections} if corrections else {}))

    def snippets(self, request: bytes) -> bytes:
        plan = json.loads(request)
        documents = self._index(plan)["documents"] if "index" in plan else {}
        languages = plan.get("languages") or Words(documents, self._analyse).languages
        return _bytes({"items": snippets(plan, languages, self._analyse)})

    def records(self, request: bytes) -> bytes:
        plan = json.loads(request)
        documents = self._index(plan)["documents"]
        ids = plan.get("ids")
        return _bytes(
            {"records": [{"id": id, "record": each["record"]} for id, each in documents.items() if ids is None or id in ids]}
        )

    def dump(self, request: bytes) -> bytes:
        plan = json.loads(request)
        index = self._index(plan)
        return packed({**index, "meta": plan.get("meta", {})})

    def publish(self, request: bytes) -> bytes:
        raise Unsupported("the reference writes no published collections; use a compiled engine")

    def commit(self, request: bytes) -> bytes:
        plan = json.loads(request)
        return self._commits[plan["index"]].commit(self._index(plan), plan)

    def status(self) -> bytes:
        sizes = {name: _size_bytes(index) for name, index in self._indexes.items()}
        indexes = {
            name: {
                **_counts(index),
                "values": _fields(index),
                "size_bytes": sizes[name],
                **self._commits[name].told(index["documents"]),
            }
            for name, index in self._indexes.items()
        }
        held = {part: sum(each[part] for each in sizes.values()) for part in ("vectors", "graph", "text")}
        return _bytes(
            {
                "backend": "reference",
                "kernel": "numpy",
                "model": self._model,
                "pieces": None,
                "indexes": indexes,
                "size_bytes": {"model": 0, **held, "buffers": 0},
                "memory_bytes": None,
            }
        )

    def close(self, request: bytes) -> bytes:
        plan = json.loads(request)
        self._index(plan)
        del self._indexes[plan["index"]]
        return _bytes({})

    def _index(self, plan: dict[str, Any]) -> dict[str, Any]:
        if plan["index"] not in self._indexes:
            raise NotFound(f"there is no index {plan['index']!r}; open it first", index=plan["index"])
        return self._indexes[plan["index"]]

    def _query(self, plan: dict[str, Any], index: dict[str, Any], shorten: Shorten | None) -> Codes:
        if len(plan.keys() & {"text", "vector", "like"}) > 1:
            raise BadRequest("the plan has several of `text`, `vector` and `like`")
        if plan.get("space", index["space"]) != index["space"]:
            raise WrongSpace("the query's vector is of another model than the index", wanted=index["space"], found=plan["space"])
        if "like" in plan:
            return query_codes(_own_vector(index["documents"], plan["like"], shorten))
        if "text" in plan:
            vector = self._embed([plan["text"]], "query")[0]
        else:
            vector = np.asarray(plan["vector"], dtype=np.float32)
        if len(vector) != self._model["dim"]:
            raise WrongDim(
                f"the vector has {len(vector)} numbers, the index {self._model['dim']}",
                found=len(vector),
                wanted=self._model["dim"],
            )
        return query_codes(vector if shorten is None else shorten(vector))


def _own_vector(documents: dict[str, Any], id: str, shorten: Shorten | None) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """What a document is like: as a whole where that is kept, else the mean of its passages."""
    if id not in documents:
        raise NotFound(f"there is no document {id!r} to find others like it", id=id)
    own = _shortened(documents[id], shorten)
    kept = [own["whole"]] if own["whole"] else own["codes"]
    return mean([np.asarray(codes, np.float64) * scale for codes, scale in kept])


def _corrected(plan: dict[str, Any], words: Words | None) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The plan as it is searched for, and what was corrected in it."""
    asked = plan.get("words", {})
    if words is None or not asked.get("correct"):
        return plan, []
    is_typing = asked.get("typing", False)
    text, corrections = words.correct(asked.get("text", ""), is_typing)
    plan = plan | {"words": asked | {"text": text}}
    if "text" in plan:
        plan["text"], more = words.correct(plan["text"], is_typing)
        corrections += [each for each in more if each not in corrections]
    return plan, corrections


def _exact(words: Words | None, typed: str, plan: dict[str, Any]) -> set[str]:
    """The documents whose title is the text that is searched for, or whose id is what was typed."""
    text = plan.get("words", {}).get("text", "")
    return {id for id in words.written if words.is_exact(id, text) or id == typed.strip()} if words and text else set()


def _most(plan: dict[str, Any], legs: dict[str, float]) -> float:
    """The most that the legs could give a document."""
    usual = {"meaning": MEANING_WEIGHT, "words": WORDS_WEIGHT} if len(legs) == 2 else dict.fromkeys(legs, 1.0)
    return sum(float(plan.get("weights", {}).get(leg, weight)) for leg, weight in usual.items())


def _shortened(document: dict[str, Any], shorten: Shorten | None) -> dict[str, Any]:
    """The document with short codes for its own, where there is a way to shorten vectors."""
    if shorten is None:
        return document
    codes = [short_codes(shorten(unit(each))) for each in document["codes"]]
    whole = document["whole"]
    return document | {"codes": codes, "whole": whole and short_codes(shorten(unit(whole)))}


def _hit(document: dict[str, Any], query: Codes | None, share: float | None, weights: dict[str, float]) -> dict[str, Any]:
    """Score, best passage and legs of one document: docs/RANKING.md."""
    legs: dict[str, float] = {}
    best = 0
    if query is not None:
        scores = [score(query, codes) for codes in document["codes"]]
        best = max(range(len(scores)), key=scores.__getitem__)
        legs["meaning"] = scores[best]
        if document["whole"] is not None:
            legs["meaning"] = (scores[best] + score(query, document["whole"])) / 2
    if share is not None:
        legs["words"] = share
    if len(legs) == 2:
        total = weights.get("meaning", MEANING_WEIGHT) * max(0.0, legs["meaning"]) + weights.get("words", WORDS_WEIGHT) * legs["words"]
    else:
        ((leg, value),) = legs.items()
        total = weights.get(leg, 1.0) * value
    return {"score": float(np.float32(total)), "passage": best, "legs": {leg: float(np.float32(value)) for leg, value in legs.items()}}


def mean(vectors: "list[np.ndarray[Any, np.dtype[np.float32]]]") -> "np.ndarray[Any, np.dtype[np.float32]]":
    """The mean of vectors at length 1: what stands for a document as a whole."""
    total = np.sum([vector.astype(np.float64) for vector in vectors], axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def document_codes(vector: "np.ndarray[Any, np.dtype[np.float32]]") -> Codes:
    """The int8 codes of a vector and the scale that turns them back, max|x| / 127."""
    return _codes(vector, CODE_MAX)


def query_codes(vector: "np.ndarray[Any, np.dtype[np.float32]]") -> Codes:
    """The finer codes of a query, within ±2047, and their scale."""
    return _codes(vector, QUERY_CODE_MAX)


def score(query: Codes, document: Codes) -> float:
    """The dot product of what the codes stand for, in f64."""
    exact = int(np.dot(np.asarray(query[0], dtype=np.int64), np.asarray(document[0], dtype=np.int64)))
    return exact * query[1] * document[1]


def _codes(vector: "np.ndarray[Any, np.dtype[np.float32]]", largest: int) -> Codes:
    if not np.isfinite(vector).all():
        raise BadInput("the vector has a number that is not finite")
    peak = np.float32(np.abs(vector).max())
    if peak == 0:
        raise BadInput("the vector is zero; it has no direction to compare")
    # In f32, as the engine has it, so that a half lies on the same side for both; numpy rounds halves to even.
    scale = peak / np.float32(largest)
    return [int(code) for code in np.rint(vector.astype(np.float32) / scale)], float(scale)


def _counts(index: dict[str, Any]) -> dict[str, int]:
    documents = index["documents"]
    return {"documents": len(documents), "passages": sum(len(each["codes"]) for each in documents.values())}


def _fields(index: dict[str, Any]) -> list[str]:
    """The names under which any document has values."""
    return sorted({name for each in index["documents"].values() for name, values in each.get("values", {}).items() if values})


def _size_bytes(index: dict[str, Any]) -> dict[str, int]:
    """What the contents would take by the contract: a byte a code and four a scale; ids and records as UTF-8."""
    documents = index["documents"]
    return {
        "vectors": sum(len(codes) + 4 for each in documents.values() for codes, _ in [*each["codes"], *filter(None, [each["whole"]])]),
        "graph": 0,
        "text": sum(len(id.encode()) + len(_bytes(each["record"])) for id, each in documents.items()),
    }


def _bytes(reply: dict[str, Any]) -> bytes:
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()
