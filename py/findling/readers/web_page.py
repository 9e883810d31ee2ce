"""HTML: the main text of a page, its title, language, address, date and author.

Owns what of a page is its text and what stands around it. Must not know how tags are cut (`markup`) or passages. Invariant:
linear time; where no part of a page is marked as the main one, text that is not in links is kept.

Blocks with many links are dropped as in Kohlschütter, Fankhauser and Nejdl, "Boilerplate detection using shallow text
features" (WSDM 2010): by their length and the share of their characters that stand in links.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from findling.readers import File, Reading, decode
from findling.readers.layout import Layout, short
from findling.readers.markup import VOID, tokens

MAX_DEPTH = 512
LINKED_SHARE = 0.5
"""A block of which more stands in links leads elsewhere."""
LEAST_SHARE = 0.2
"""A main part with less of the page's text than that is not what people come for."""
TOKENS_BETWEEN_LOOKS = 5_000

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html "
    "legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul br".split()
)
_DROPPED = frozenset("aside button canvas datalist dialog footer form iframe input map math nav noscript object script select style svg template textarea video audio".split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_CLOSES_LIKE = {
    "li": {"li"}, "p": {"p"}, "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"tr", "td", "th"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "option": {"option"},
}  # fmt: skip
_ROLES = frozenset("navigation banner contentinfo search complementary menu menubar toolbar dialog alertdialog".split())
_AROUND = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|sidebar|breadcrumbs?|cookies?|consent|footer|masthead|advert|ads?|advertisement|promo|sponsored|social|share|sharing|"
    r"related|recommended|newsletter|subscribe|pagination|pager|toolbar|skip|popup|modal|toc)(?:$|[\s_-])",
    re.IGNORECASE,
)
_CHARSET = re.compile(rb"""<meta[^>]{0,400}?charset\s*=\s*["']?\s*([\w.:-]{1,40})|<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})""", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-zA-Z]{2,3})(?:[-_]|$)")
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?(?=$|[T ])")


@dataclass(slots=True)
class _Block:
    tag: str
    text: list[str] = field(default_factory=list)
    linked: int = 0
    headings: tuple[str, ...] = ()
    level: int = 0
    in_main: bool = False
    in_article: bool = False


@dataclass(slots=True)
class Page:
    """What a page says of itself, and its blocks of text."""

    head: dict[str, str] = field(default_factory=dict)
    blocks: list[_Block] = field(default_factory=list)


def read(file: File, reading: Reading) -> Iterator[None]:
    """The main text of a page as a document, or as its parts."""
    match = _CHARSET.search(file.data[:4096])
    declared = (match[1] or match[2]).decode("ascii", "replace") if match else ""
    page = Page()
    for _ in _collect(decode(file.data, declared), page, file):
        yield
    head = page.head
    layout = Layout()
    title = head.get("og:title") or head.get("title", "")
    add_blocks(layout, main_blocks(page), title)
    if not layout and not title and not head.get("description"):
        return
    if not layout:
        layout.add(head.get("description", ""))
    url = next((url for url in (head.get("canonical"), head.get("og:url"), head.get("saved from")) if url and _is_address(url)), "")
    date = next((date[0] for key in ("article:published_time", "date", "dc.date", "article:modified_time") if (date := _DATE.match(head.get(key, "")))), "")
    reading.documents += layout.documents(
        file.name,
        title=title,
        kind="html",
        url=url,
        date=date,
        language=language_of(head.get("language", "")),
        tags=tuple(dict.fromkeys(tag for each in head.get("keywords", "").split(",")[:50] if (tag := short(each)[:100]))),
        meta={"author": short(head.get("author", "")), "description": short(head.get("description", "")), "site": short(head.get("og:site_name", ""))},
    )


def language_of(tag: str) -> str:
    """The code of a language in a tag such as `de-AT`; empty where there is none."""
    match = _LANGUAGE.match(tag.strip())
    return match[1].lower() if match and match[1].lower() not in ("und", "mul", "zxx") else ""


def collect(text: str, file: File) -> Page:
    """The blocks of a page's text, in one go."""
    page = Page()
    for _ in _collect(text, page, file):
        pass
    return page


def add_blocks(layout: Layout, blocks: list[_Block], title: str = "", above: tuple[str, ...] = (), page: int | None = None) -> None:
    """Put blocks into a layout; a heading that only says the title again is left out."""
    before = ""
    for block in blocks:
        text = _text(block)
        if block.level and text == " ".join(title.split()) and not layout:
            continue
        gap = "\n" if block.tag == before in ("li", "tr", "br", "dt", "dd") else "\n\n"
        layout.add(f"{'#' * block.level} {text}" if block.level else text, headings=above + block.headings, gap=gap, **({} if page is None else {"page": page}))
        before = block.tag


def main_blocks(page: Page) -> list[_Block]:
    """The blocks of a page's main part."""
    full = [block for block in page.blocks if _text(block)]
    size = sum(len(_text(block)) for block in full)
    for marked in ([block for block in full if block.in_main], [block for block in full if block.in_article]):
        if sum(len(_text(block)) for block in marked) > size * LEAST_SHARE:
            full = marked
            break
    # Headings often are links to themselves.
    kept = [block for block in full if block.level or block.linked <= len(_text(block)) * LINKED_SHARE]
    # A page that is all links is a list of them; better that than nothing.
    return kept if any(not block.level for block in kept) else full


def _text(block: _Block) -> str:
    text = "".join(block.text)
    if block.tag == "pre":
        return text.strip("\n")
    return "\t".join(" ".join(cell.split()) for cell in text.split("\t")).strip() if block.tag == "tr" else " ".join(text.split())


def _is_address(url: str) -> bool:
    return len(url) <= 2_000 and re.match(r"https?://[^\s/?#]+", url.strip()) is not None


def _collect(text: str, page: Page, file: File) -> Iterator[None]:
    """Walk through the tokens of a page and gather its blocks; a step every few thousand tokens."""
    head = page.head
    # The open elements, each with whether it and all above are shown, main, article.
    open_: list[tuple[str, bool, bool, bool]] = []
    counts: dict[str, int] = {}
    path: list[tuple[int, str]] = []
    links = ignored = 0
    block = _Block("body")

    def begin(tag: str) -> _Block:
        _, _, in_main, in_article = open_[-1] if open_ else ("", True, False, False)
        if block.text:
            page.blocks.append(block)
            if block.level:
                heading = _text(block)
                path[:] = [*(each for each in path if each[0] < block.level), (block.level, heading[:200])] if heading else path
                block.headings = tuple(each for _, each in path)
        headings = tuple(each for _, each in path)
        return _Block(tag, headings=headings, level=_HEADINGS.get(tag, 0), in_main=in_main, in_article=in_article)

    def close(tag: str) -> None:
        nonlocal links
        if not counts.get(tag):
            return
        while open_:
            name = open_.pop()[0]
            counts[name] -= 1
            links -= name == "a"
            if name == tag:
                return

    for number, (sort, value, attributes) in enumerate(tokens(text)):
        if number % TOKENS_BETWEEN_LOOKS == 0:
            file.budget.check()
            yield
        if sort == "text":
            shown = not open_ or open_[-1][1]
            if counts.get("title") and not counts.get("body") and not counts.get("svg"):
                head["title"] = head.get("title", "") + value
            elif shown and (block.text or value.strip()):
                block.text.append(value)
                block.linked += len(value.strip()) if links else 0
        elif sort == "start":
            if value == "meta" or value == "link" or value == "html":
                _note(value, attributes, head)
            if value in ("img", "area") and (not open_ or open_[-1][1]) and attributes.get("alt"):
                block.text.append(f" {attributes['alt']} ")
            in_row = bool(counts.get("tr"))
            if value in ("td", "th") and in_row:
                block.text.append("\t" if block.text else "")
            elif value == "br" and block.tag == "pre":
                block.text.append("\n")
            elif value in _BLOCKS and not (in_row and value in ("p", "div", "br")):
                for like in _CLOSES_LIKE.get(value, ()):
                    if open_ and open_[-1][0] == like:
                        close(like)
            if value in VOID:
                if value in ("br", "hr") and not in_row and block.tag != "pre":
                    block = begin("br" if block.tag in ("br", "p", "div", "body") else block.tag)
                continue
            if len(open_) >= MAX_DEPTH:
                ignored += 1
                continue
            _, shown, in_main, in_article = open_[-1] if open_ else ("", True, False, False)
            open_.append((value, shown and _is_shown(value, attributes, in_main or in_article), in_main or value == "main" or attributes.get("role") == "main", in_article or value == "article"))
            counts[value] = counts.get(value, 0) + 1
            links += value == "a"
            if value in _BLOCKS and value not in ("td", "th") and not (in_row and value in ("p", "div")):
                block = begin(value)
        else:
            if value in _BLOCKS and value not in ("td", "th") and not (counts.get("tr") and value in ("p", "div", "br")):
                was = block.tag
                close(value)
                block = begin("br" if was == "pre" or value in _HEADINGS else open_[-1][0] if open_ else "body")
            else:
                close(value)
    begin("end")


def _note(tag: str, attributes: dict[str, str], head: dict[str, str]) -> None:
    """Keep what the head of a page says of it, the first of each."""
    if tag == "html":
        language = attributes.get("lang") or attributes.get("xml:lang", "")
        if language:
            head.setdefault("language", language)
    elif tag == "link":
        if attributes.get("rel", "").lower() == "canonical":
            head.setdefault("canonical", attributes.get("href", ""))
    else:
        name = (attributes.get("property") or attributes.get("name") or "").lower()
        if attributes.get("http-equiv", "").lower() == "content-language":
            name = "language"
        if name and attributes.get("content"):
            head.setdefault(name, attributes["content"])


def _is_shown(tag: str, attributes: dict[str, str], in_content: bool) -> bool:
    """Whether an element holds text of the page; in the main part a header is its own, and names of classes decide nothing."""
    if tag in _DROPPED or "hidden" in attributes or attributes.get("aria-hidden") == "true" or attributes.get("role") in _ROLES:
        return False
    if in_content or tag in ("html", "body", "main", "article"):
        return True
    return tag != "header" and not _AROUND.search(f"{attributes.get('class', '')} {attributes.get('id', '')}")
