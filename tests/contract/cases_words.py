"""The contract of the words leg and of fusion as data: words, phrases, conditions, languages, whole documents, ties.

Owns texts, plans and expectations. Must not know any backend. Invariant: an expectation states what docs/RANKING.md says,
never what some engine happened to answer; scores are compared with the reference.
"""

from typing import Any

from cases import Case


def page(id: str, text: str = "", *, title: str = "", passages: list[str] | None = None, language: str | None = None, **fields: Any) -> dict[str, Any]:
    """A document with words; what is embedded is its title and text unless passages are given."""
    held = {name: value for name, value in {"title": title, "text": text, **fields}.items() if value}
    given = {"id": id, "fields": held, "passages": passages or [f"{title}. {text}"], "record": {"title": title}}
    return given if language is None else given | {"language": language}


BOAT = page("boat", "a small boat floats on calm water", title="Boat", tags=["sea", "wood"], path="https://example.org/sea/boat")
KEEPER = page("keeper", "the keeper of the lighthouse sings about small boats", title="Keeper", tags=["sea", "small harbour"])
ANCHOR = page("anchor", "an anchor holds the ship; the ship is small", title="Anchor", tags=["iron"])
SHIP = page("ship", "a boat that is not small", title="Ships and their sails")
PAGES = [BOAT, KEEPER, ANCHOR, SHIP]
BARE = {"id": "bare", "passages": ["a small boat without words"], "record": {}}

GERMAN = [page(f"de{number}", text, title="Haus", language="de") for number, text in enumerate(("viele Häuser am Hafen", "das Haus steht leer"))]
FRENCH = (
    "Les bateaux de pêche rentrent au port tous les matins, et les pêcheurs vendent leurs poissons sur le quai avant que le soleil "
    "ne soit trop haut. Les enfants regardent les mouettes qui suivent les bateaux, et les vieux racontent des histoires de tempêtes."
)


def long(id: str, count: int, at: int) -> dict[str, Any]:
    """A document of `count` words, in passages of 60; the one at `at` tells of a whale, the others of sails."""
    passages = ["wind and sail over the sea", "rope and mast", "harbour and quay", "a keeper of lights"]
    passages[at] = "a whale under the water"
    return page(id, " ".join(f"word{number}" for number in range(count)), passages=passages)


def words(text: str = "", **conditions: Any) -> dict[str, Any]:
    return {"words": {"text": text, **conditions}}


def both(text: str, **plan: Any) -> dict[str, Any]:
    return {"text": text, "words": {"text": text}, **plan}


def phrase(text: str, field: str | None = None) -> dict[str, str]:
    return {"text": text} if field is None else {"text": text, "field": field}


WORDS = [
    Case("a word finds the documents that have it", words("lighthouse"), add=[PAGES], ids=["keeper"]),
    Case("a word finds its other forms", words("floating boats"), add=[PAGES], first="boat", among={"boat", "keeper", "ship"}, count=3),
    Case("capitals and accents do not count", words("LIGHTHÔUSE"), add=[PAGES], ids=["keeper"]),
    Case("a word of the title counts twice", words("anchor"), add=[[page("text", "anchor one two"), page("title", "one two", title="anchor")]], ids=["title", "text"]),
    Case("a word is found in tags and in the address", words("iron example"), add=[PAGES], among={"anchor", "boat"}, count=2),
    Case("a rare word tells more than a frequent one", words("calm small"), add=[PAGES], first="boat", count=4),
    Case("a shorter text has more of a word", words("boat"), add=[[page("long", "boat and many other words beside it"), page("short", "boat")]], ids=["short", "long"]),
    Case("a word that nobody has finds nothing", words("submarine"), add=[PAGES], ids=[]),
    Case("a word that nobody has changes no order", words("anchor submarine"), add=[PAGES], ids=["anchor"]),
    Case("a word typed twice counts once", words("boat boat boats calm"), add=[PAGES], first="boat"),
    Case("no word finds nothing", words("?! …"), add=[PAGES], ids=[]),
    Case("documents without words are not found by any", words("small"), add=[[*PAGES, BARE]], among={"boat", "keeper", "anchor", "ship"}, count=4),
    Case("limit bounds the hits of words", words("small", ) | {"limit": 2}, add=[PAGES], count=2),
    Case("equal words rank by id", words("boat"), add=[[page(id, "boat") for id in ("b", "a", "é", "C")]], ids=["C", "a", "b", "é"]),
    Case("a removed document takes its words along", words("ship"), add=[PAGES], remove=["anchor"], ids=["ship"]),
    Case("a replaced document has its new words", words("whale"), add=[PAGES, [page("boat", "a whale swims")]], ids=["boat"]),
    Case("and has lost its old ones", words("calm"), add=[PAGES, [page("boat", "a whale swims")]], ids=[]),
    Case("pairs of letters stand for words where there are no blanks", words("灯台"), add=[[page("a", "古い灯台守が歌う"), page("b", "小さな船が浮かぶ")]], ids=["a"]),
    Case("the parts of a name are found", words("camel"), add=[[page("a", "a camelCaseName here"), page("b", "another")]], ids=["a"]),
    Case("an address is found whole before one that shares a part", words("https://example.org/sea/boat"), add=[PAGES], first="boat"),
    Case("numbers and signs are found", words("C++ 3.14"), add=[[page("a", "C++ code"), page("b", "pi is 3.14"), page("c", "three")]], among={"a", "b"}, count=2),
    Case("emoji are found", words("🗼"), add=[[page("a", "a tower 🗼 in Tokyo"), page("b", "a tower 🚢")]], ids=["a"]),
    # Phrases and conditions.
    Case("a phrase is words in a row", words(phrases=[phrase("small boat")]), add=[PAGES], ids=["boat", "keeper"]),
    Case("a phrase may stand in any field", words(phrases=[phrase("their sail")]), add=[PAGES], ids=["ship"]),
    Case("a phrase of a field stands in that one", words(phrases=[phrase("small boat", "title")]), add=[PAGES], ids=[]),
    Case("a phrase does not go from one tag to the next", words(phrases=[phrase("sea wood")]), add=[PAGES], ids=[]),
    Case("a phrase stands within one tag", words(phrases=[phrase("small harbour", "tags")]), add=[PAGES], ids=["keeper"]),
    Case("words of a phrase in another order are none", words(phrases=[phrase("boat small")]), add=[PAGES], ids=[]),
    Case("a phrase with the same word twice", words(phrases=[phrase("ship the ship")]), add=[PAGES], ids=["anchor"]),
    Case("two phrases are both asked for", words(phrases=[phrase("small boat"), phrase("calm water")]), add=[PAGES], ids=["boat"]),
    Case("a phrase narrows what words find", words("boat", phrases=[phrase("calm water")]), add=[PAGES], ids=["boat"]),
    Case("a phrase without blanks", words(phrases=[phrase("灯台守")]), add=[[page("a", "灯台守が歌う"), page("b", "守る灯台")]], ids=["a"]),
    Case("a phrase with an address in it", words(phrases=[phrase("see example.org/sea now")]), add=[[page("a", "see example.org/sea now"), page("b", "see sea example.org now")]], ids=["a"]),
    Case("a phrase of nothing asks for nothing", words("anchor", phrases=[phrase("?!")]), add=[PAGES], ids=["anchor"]),
    Case("a word in a field", words(**{"in": [phrase("boat", "title")]}), add=[PAGES], ids=["boat"]),
    Case("several words in a field, wherever", words(**{"in": [phrase("sail ship", "title")]}), add=[PAGES], ids=["ship"]),
    Case("a word left out", words("boat", **{"not": [phrase("calm")]}), add=[PAGES], among={"keeper", "ship"}, count=2),
    Case("a word left out in one field only", words("ship", **{"not": [phrase("ship", "title")]}), add=[PAGES], ids=["anchor"]),
    Case("a phrase left out", words("boat", **{"not": [phrase("small boat")]}), add=[PAGES], ids=["ship"]),
    Case("nothing left out", words("anchor", **{"not": [phrase("?!")]}), add=[PAGES], ids=["anchor"]),
    Case("conditions hold for meaning too", {"text": "a small boat", "words": {"not": [phrase("calm")]}, "weights": {"meaning": 1, "words": 0}}, add=[[*PAGES, BARE]], among={"keeper", "anchor", "ship", "bare"}, count=4),
    Case("conditions that nobody meets", both("boat") | {"words": {"text": "boat", "phrases": [phrase("no such")]}}, add=[PAGES], ids=[]),
    Case("conditions and a filter of ids", words("small", **{"not": [phrase("calm")]}) | {"filter": {"ids": ["boat", "keeper"]}}, add=[PAGES], ids=["keeper"]),
    # Languages.
    Case("a query is stemmed in the languages of the documents", words("häusern boats"), add=[[*PAGES, *GERMAN]], among={"boat", "keeper", "ship", "de0", "de1"}, count=5),
    Case("a language is guessed from a long text", words("bateau"), add=[[page("fr", FRENCH), page("fr2", FRENCH + " " + FRENCH), page("en", "a bateau")]], among={"fr", "fr2", "en"}),
    Case("a language of few documents is not looked for", words("häusern"), add=[[*GERMAN[:1], *(page(f"en{number}", "a small boat", language="en") for number in range(40))]]),
    Case("no language at all", words("boats"), add=[[page("a", "boats", language="und"), page("b", "boat", language="und")]], ids=["a"]),
    # Both legs.
    Case("both legs find every document", both("a small boat floats on calm water"), add=[[*PAGES, BARE]], first="boat", count=5),
    Case("words can decide", both("submarine anchor", weights={"meaning": 0, "words": 1}), add=[PAGES], first="anchor", count=4),
    Case("meaning can decide", both("a small boat floats on calm water", weights={"meaning": 1, "words": 0}), add=[PAGES], count=4),
    Case("equal in both legs rank by id", both("boat"), add=[[page(id, "boat") for id in ("b", "a", "é", "C")]], ids=["C", "a", "b", "é"]),
    Case("a ready vector and words", {"vector": [1.0, *[0.25] * 127], "words": {"text": "anchor"}}, add=[PAGES], count=4),
    Case("no words in the query", both("?!"), add=[PAGES], count=4),
    # Whole documents.
    Case("200 words count by their best passage", {"text": "a whale under the water"}, add=[[long("a", 200, 2), BOAT]], first="a", passage=2, count=2),
    Case("more count by half as a whole", {"text": "a whale under the water"}, add=[[long("a", 201, 2), long("b", 200, 1), BOAT]], first="b", passage=1, count=3),
    Case("long documents in both legs", both("whale word7"), add=[[long("a", 201, 2), long("b", 400, 1), BOAT]], count=3),
]
