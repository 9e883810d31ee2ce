"""Mail: single messages (.eml, RFC 5322) and mailboxes (.mbox, RFC 4155).

Owns which part of a message is its text and what of its header is told. Must not know formats of attachments: other
readers read those. Invariant: a message that cannot be read costs only itself.
"""

import email.policy
import re
from collections.abc import Iterator
from datetime import UTC
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from typing import Any

from findling.readers import BY_SUFFIX, SUFFIX_OF_MIME, File, Reading, clean_name, inside, reason_of, suffix_of
from findling.readers.layout import Layout, short
from findling.readers.web_page import add_blocks, collect

MAX_MESSAGES = 100_000
MAX_PARTS = 1_000
MAX_PART_DEPTH = 32
MAX_NESTED_MARKS = 20_000
"""Every part of a message begins with its boundary; a message with more lines that look like one is a bomb."""

_FROM = re.compile(rb"^From [^\n]{0,300}\d{4}[^\n]{0,40}\n", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_BOUNDARY = re.compile(rb"^--[^\s-]", re.MULTILINE)
_QUOTED = re.compile(r"^[ \t]*>")
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)


def read(file: File, reading: Reading) -> Iterator[None]:
    """A document for each message, its attachments as files inside of it."""
    if suffix_of(file.name) != ".mbox":
        yield from _message(file, file.data, file.name, reading)
        return
    starts = [match.start() for match in _FROM.finditer(file.data)]
    if not starts:
        reading.faults.append(("the file", "no line in it begins a message (From sender date)"))
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(file.data)], strict=True), 1):
        if number > MAX_MESSAGES:
            reading.faults.append((f"message {number}", f"the limit of {MAX_MESSAGES} messages is reached; split the file"))
            return
        first = file.data.index(b"\n", start) + 1
        try:
            yield from _message(file, _QUOTED_FROM.sub(rb"\1", file.data[first:end]), f"{file.name}/{number}", reading)
        except (ValueError, LookupError, AttributeError, TypeError, IndexError, KeyError, RecursionError) as error:
            reading.faults.append((f"message {number}", reason_of(error)))
        file.budget.check()
        yield


def _message(file: File, data: bytes, name: str, reading: Reading) -> Iterator[None]:
    if len(_BOUNDARY.findall(data)) > MAX_NESTED_MARKS:
        reading.faults.append((name.rpartition("/")[2], f"it has more than {MAX_NESTED_MARKS} parts, which is the limit"))
        return
    message = BytesParser(policy=email.policy.default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    texts: list[EmailMessage] = []
    attached: list[EmailMessage] = []
    _sort(message, texts, attached, 0)
    layout = Layout()
    for part in texts:
        content = _text(part)
        if part.get_content_type() == "text/html":
            add_blocks(layout, collect(content, file).blocks)
        else:
            layout.add(_without_quotes(content))
    header = {key: _header(message, key) for key in ("subject", "from", "to", "cc", "list-id", "message-id")}
    names = [clean_name(short(part.get_filename() or "")) for part in attached[:100]]
    if layout or header["subject"] or attached:
        reading.documents += layout.documents(
            name,
            title=header["subject"] or f"Mail from {header['from'] or 'nobody'}",
            kind="mail",
            date=_date(message),
            meta={"from": header["from"], "to": header["to"], "cc": header["cc"], "list": header["list-id"], "attachments": [each for each in names if each != "unnamed"]},
        )
    elif not data.strip() or not message.keys():
        reading.faults.append((name.rpartition("/")[2], "it is no mail: it has no header"))
    yield
    for number, part in enumerate(attached, 1):
        # A picture in the middle of a text is a logo, or means nothing without it.
        if part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment":
            continue
        given = clean_name(short(part.get_filename() or "")).replace("/", "_")
        if suffix_of(given) not in BY_SUFFIX:
            suffix = SUFFIX_OF_MIME.get(part.get_content_type(), ".eml" if part.get_content_type() == "message/rfc822" else "")
            # Logos and signatures come with every mail; what cannot be read is named in `attachments`.
            if not suffix:
                continue
            given = f"{number if given == 'unnamed' else given}{suffix}"
        attachment = _bytes(part)
        file.budget.unpack(len(attachment))
        yield from inside(file, f"{name}/{given}", attachment, reading)


def _sort(part: EmailMessage, texts: list[EmailMessage], attached: list[EmailMessage], depth: int) -> None:
    """The parts of a message that are its text, and those that are attached; of alternatives the plain one."""
    if depth > MAX_PART_DEPTH or len(texts) + len(attached) > MAX_PARTS:
        return
    sort = part.get_content_type()
    if depth and (part.get_content_disposition() == "attachment" or sort == "message/rfc822"):
        attached.append(part)
    elif part.is_multipart():
        parts: list[Any] = list(part.iter_parts())
        if sort == "multipart/alternative":
            plain = [each for each in parts if each.get_content_type() == "text/plain" and _text(each).strip()]
            parts = plain[:1] or [each for each in parts if each.get_content_type() != "text/plain"][-1:]
        for each in parts:
            _sort(each, texts, attached, depth + 1)
    elif sort in ("text/plain", "text/html") and not part.get_filename():
        texts.append(part)
    else:
        attached.append(part)


def _bytes(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner: Any = part.get_payload()
        return bytes(inner[0]) if isinstance(inner, list) and inner else b""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: EmailMessage) -> str:
    """The text of a part by the encoding it names, or as well as it can be read."""
    content = _bytes(part)
    try:
        return content.decode(part.get_content_charset("utf-8"))
    except (LookupError, ValueError):
        return content.decode("cp1252" if b"\xff" not in content[:1] else "latin-1", "replace")


def _without_quotes(text: str) -> str:
    """What the writer wrote: without quoted lines and the signature, unless nothing else is there."""
    text = text.replace("\r\n", "\n")
    signature = _SIGNATURE.search(text)
    own = text[: signature.start()] if signature else text
    kept = "\n".join(line for line in own.split("\n") if not _QUOTED.match(line))
    return kept if kept.strip() else text


def _header(message: EmailMessage, key: str) -> str:
    try:
        return short(str(message.get(key) or ""))
    except (ValueError, LookupError, AttributeError, TypeError, IndexError):
        # A header that breaks the rules badly enough breaks the parser.
        return ""


def _date(message: EmailMessage) -> str:
    """The day a message was sent, as its sender's clock had it in UTC."""
    try:
        sent = parsedate_to_datetime(str(message.get("date")))
        return (sent.astimezone(UTC) if sent.tzinfo else sent).date().isoformat()
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, IndexError):
        return ""
