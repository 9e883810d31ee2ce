"""Tags and text of HTML, as a browser would cut them.

Owns the tokens of HTML (https://html.spec.whatwg.org/#tokenization) as far as reading needs them. Must not know what tags
mean. Invariant: the time is linear in the text whatever is in it, and the tokens are the same in every version of Python,
which cannot be said of `html.parser`.
"""

import html
import re
from collections.abc import Iterator

RAW = frozenset({"script", "style", "textarea", "title", "noscript", "iframe", "xmp", "noembed", "noframes"})
"""Elements with text but no tags in them."""
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
MAX_ATTRIBUTES = 64
MAX_VALUE_CHARS = 4_000

_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_BLANK = re.compile(r"[\s/]+")
_ATTRIBUTE = re.compile(r"[^\s/>=][^\s/>=]*")
_EQUALS = re.compile(r"\s*=\s*")
_UNQUOTED = re.compile(r"[^\s>]*")

Token = tuple[str, str, dict[str, str]]
"""`("start", name, attributes)`, `("end", name, {})` or `("text", text, {})`; names are in lower case."""


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a page; a tag that does not end before the text does is left out, as browsers do."""
    at = 0
    while at < len(text):
        opening = text.find("<", at)
        if opening < 0:
            opening = len(text)
        if opening > at:
            yield "text", html.unescape(text[at:opening]), {}
        if opening + 1 >= len(text):
            return
        sign = text[opening + 1]
        if sign == "!" or sign == "?":
            at = _after_comment(text, opening)
        elif sign == "/" and _NAME.match(text, opening + 2):
            match = _NAME.match(text, opening + 2)
            assert match
            closing = text.find(">", match.end())
            if closing < 0:
                return
            yield "end", match[0].lower(), {}
            at = closing + 1
        elif match := _NAME.match(text, opening + 1):
            name = match[0].lower()
            attributes, end = _attributes(text, match.end())
            if end < 0:
                return
            yield "start", name, attributes
            at = end
            if name in RAW:
                closing = _closing(text, name, at)
                # The title alone is shown; what scripts say is not.
                if name in ("title", "textarea") and closing > at:
                    yield "text", html.unescape(text[at:closing]), {}
                yield "end", name, {}
                after = text.find(">", closing)
                at = after + 1 if closing < len(text) and after >= 0 else len(text)
        else:
            yield "text", "<", {}
            at = opening + 1


def _after_comment(text: str, opening: int) -> int:
    """Where a comment, doctype or processing instruction ends."""
    mark = "-->" if text.startswith("<!--", opening) else "]]>" if text.startswith("<![CDATA[", opening) else ">"
    # `<!-->` is a whole comment.
    closing = text.find(mark, opening + 2)
    return closing + len(mark) if closing >= 0 else len(text)


def _closing(text: str, name: str, at: int) -> int:
    """Where the end tag of a raw element begins; the end of the text where there is none."""
    match = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(text, at)
    return match.start() if match else len(text)


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes of a start tag and where it ends; -1 where it does not."""
    found: dict[str, str] = {}
    while True:
        blank = _BLANK.match(text, at)
        if blank:
            at = blank.end()
        if at >= len(text):
            return found, -1
        if text[at] == ">":
            return found, at + 1
        match = _ATTRIBUTE.match(text, at)
        if match is None:
            # A stray equals sign.
            at += 1
            continue
        name, at = match[0].lower(), match.end()
        value = ""
        equals = _EQUALS.match(text, at)
        if equals:
            at = equals.end()
            if text[at : at + 1] in ('"', "'"):
                closing = text.find(text[at], at + 1)
                if closing < 0:
                    return found, -1
                value, at = text[at + 1 : closing], closing + 1
            else:
                unquoted = _UNQUOTED.match(text, at)
                assert unquoted
                value, at = unquoted[0], unquoted.end()
        if len(found) < MAX_ATTRIBUTES and name not in found:
            found[name] = html.unescape(value[:MAX_VALUE_CHARS])
