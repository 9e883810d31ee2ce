"""Small real files of every format, made here. Owns their bytes, and the look at what was read; knows nothing of readers."""

import io
import zipfile
import zlib

from findling import readers

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CORE = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'


def only(name, data):
    reading = readers.read(name, data.encode() if isinstance(data, str) else data)
    assert not reading.faults and not reading.skipped
    (document,) = reading.documents
    return document


def at(document, words):
    """Where the passage that begins with these words stands."""
    return document.place(document.text.index(words))


def zipped(entries, **options):
    """A ZIP file of these entries."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return held.getvalue()


def paragraph(text, style="", before=""):
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{styled}<w:r>{before}<w:t xml:space='preserve'>{text}</w:t></w:r></w:p>"


def docx(body="", styles="", core="", **more):
    """A DOCX with this body."""
    entries = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        "word/styles.xml": f'<w:styles xmlns:w="{WORD}">{styles}</w:styles>',
        "docProps/core.xml": f"<cp:coreProperties {CORE}>{core}</cp:coreProperties>",
    }
    return zipped(entries | more)


def odt(body, meta=""):
    """An ODT with this body."""
    names = 'xmlns:office="urn:o" xmlns:text="urn:t" xmlns:table="urn:tb" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:meta="urn:m"'
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {names}><office:body><office:text>{body}</office:text></office:body></office:document-content>",
            "meta.xml": f"<office:document-meta {names}><office:meta>{meta}</office:meta></office:document-meta>",
        }
    )


def epub(chapters, metadata=""):
    """An EPUB whose chapters are these pages, by their names."""
    items = "".join(f'<item id="c{number}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>' for number, name in enumerate(chapters))
    spine = "".join(f'<itemref idref="c{number}"/>' for number in range(len(chapters)))
    package = f'<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>{metadata}</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": package,
            **{f"OEBPS/{name}": page for name, page in chapters.items()},
        }
    )


def pdf(pages, info="", outline=(), catalog=""):
    """A PDF whose pages have these lines; outline: titles of its pages, one each."""
    objects = ["", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"]
    kids = []
    for lines in pages:
        shown = " T* ".join("({}) Tj".format(line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")) for line in lines)
        content = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET"
        objects.append(f"<</Length {len(content)}>>stream\n{content}\nendstream")
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents {len(objects)} 0 R>>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Kids[{' '.join(kids)}]/Count {len(kids)}>>"
    first = len(objects) + 2
    if outline:
        catalog += f"/Outlines {first - 1} 0 R"
        objects.append(f"<</Type/Outlines/First {first} 0 R/Last {first + len(outline) - 1} 0 R/Count {len(outline)}>>")
        for at, title in enumerate(outline):
            links = (f"/Prev {first + at - 1} 0 R" if at else "") + (f"/Next {first + at + 1} 0 R" if at + 1 < len(outline) else "")
            objects.append(f"<</Title({title})/Parent {first - 1} 0 R/Dest[{kids[at]}/Fit]{links}>>")
    objects[0] = f"<</Type/Catalog/Pages 2 0 R{catalog}>>"
    objects.append(f"<<{info}>>")
    return pdf_of(objects)


def pdf_of(objects):
    """A PDF of these objects, numbered from 1; the first is the catalog, the last the description."""
    made = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + (content if isinstance(content, bytes) else content.encode("cp1252")) + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<</Size {len(objects) + 1}/Root 1 0 R/Info {len(objects)} 0 R>>\nstartxref\n{len(made)}\n%%EOF"
    return made + end.encode()


def frame(name, text):
    """A text frame of ID3v2.3."""
    body = b"\x01" + text.encode("utf-16")
    return name.encode() + len(body).to_bytes(4, "big") + b"\0\0" + body


def mp3(*frames):
    """An MP3 of these frames of ID3 and a second of silence."""
    tag = b"".join(frames)
    size = bytes((len(tag) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + tag + (b"\xff\xfb\x90\x64" + bytes(413)) * 38


def flac(comments):
    """A FLAC with these comments and nothing to hear."""
    info = bytes.fromhex("1000100000000000000000") [:10] + ((44100 << 44) | (1 << 41) | (15 << 36) | 88200).to_bytes(8, "big") + bytes(16)
    entries = [f"{name}={value}".encode() for name, value in comments]
    body = (4).to_bytes(4, "little") + b"test" + len(entries).to_bytes(4, "little") + b"".join(len(entry).to_bytes(4, "little") + entry for entry in entries)
    return b"fLaC" + b"\0" + len(info).to_bytes(3, "big") + info + b"\x84" + len(body).to_bytes(3, "big") + body


def exif(entries, exif_entries=(), gps=()):
    """EXIF in big endian of these entries: (tag, text), or (tag, list of whole numbers as fractions of 1)."""
    made = bytearray(b"MM\0*\0\0\0\x08")

    def folder(entries, more=()):
        start = len(made)
        table = bytearray((len(entries) + len(more)).to_bytes(2, "big"))
        end = start + 2 + 12 * (len(entries) + len(more)) + 4
        after = bytearray()
        for tag, value in entries:
            if isinstance(value, bytes):
                kind, count, body = 7, len(value), value
            elif isinstance(value, str):
                body = value.encode() + b"\0"
                kind, count = 2, len(body)
            else:
                body = b"".join(int(each * 1000).to_bytes(4, "big") + (1000).to_bytes(4, "big") for each in value)
                kind, count = 5, len(value)
            table += tag.to_bytes(2, "big") + kind.to_bytes(2, "big") + count.to_bytes(4, "big")
            if len(body) <= 4:
                table += body.ljust(4, b"\0")
            else:
                table += (end + len(after)).to_bytes(4, "big")
                after += body
        places = {}
        for tag in more:
            places[tag] = start + len(table) + 8
            table += tag.to_bytes(2, "big") + b"\0\x04\0\0\0\x01\0\0\0\0"
        made.extend(table + bytes(4) + after)
        return places

    more = [tag for tag, inner in ((0x8769, exif_entries), (0x8825, gps)) if inner]
    places = folder(entries, more)
    for tag, inner in ((0x8769, exif_entries), (0x8825, gps)):
        if inner:
            made[places[tag] : places[tag] + 4] = len(made).to_bytes(4, "big")
            folder(inner)
    return bytes(made)


def jpeg(exif_data=b"", xmp="", iptc=(), width=640, height=480):
    """A JPEG without a picture in it, but all that describes one."""
    made = b"\xff\xd8"

    def segment(marker, body):
        return b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2, "big") + body

    if exif_data:
        made += segment(0xE1, b"Exif\0\0" + exif_data)
    if xmp:
        made += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode())
    if iptc:
        records = b"".join(b"\x1c\x02" + bytes([number]) + len(text.encode()).to_bytes(2, "big") + text.encode() for number, text in iptc)
        made += segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + records)
    made += segment(0xC0, b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\0")
    return made + b"\xff\xda\0\x02\0\xff\xd9"


def xmp(inner="", attributes=""):
    """A packet of XMP with these properties."""
    names = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description {names} {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'


def png(*texts, exif_data=b""):
    """A PNG without a picture: (key, text) of its descriptions."""
    made = b"\x89PNG\r\n\x1a\n"

    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + bytes(4)

    made += chunk(b"IHDR", (30).to_bytes(4, "big") + (20).to_bytes(4, "big") + b"\x08\x02\0\0\0")
    for key, text in texts:
        made += chunk(b"zTXt", key.encode() + b"\0\0" + zlib.compress(text.encode("latin-1")))
    if exif_data:
        made += chunk(b"eXIf", exif_data)
    return made + chunk(b"IEND", b"")


def webp(exif_data, packet):
    """A WebP without a picture."""

    def chunk(kind, body):
        return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)

    inner = b"WEBP" + chunk(b"VP8X", bytes(4) + (99).to_bytes(3, "little") + (49).to_bytes(3, "little")) + chunk(b"EXIF", exif_data) + chunk(b"XMP ", packet.encode())
    return b"RIFF" + len(inner).to_bytes(4, "little") + inner


def heic(exif_data):
    """A HEIF with one item, its EXIF."""

    def box(kind, body):
        return (len(body) + 8).to_bytes(4, "big") + kind + body

    start = box(b"ftyp", b"heic" + bytes(4) + b"heic")
    entry = box(b"infe", b"\x02\0\0\0" + b"\0\x01\0\0Exif\0")
    size = box(b"iprp", box(b"ipco", box(b"ispe", bytes(4) + (4032).to_bytes(4, "big") + (3024).to_bytes(4, "big"))))
    item = bytes(4) + exif_data

    def described(place):
        location = box(b"iloc", bytes(4) + b"\x44\0" + b"\0\x01" + b"\0\x01\0\0\0\x01" + place.to_bytes(4, "big") + len(item).to_bytes(4, "big"))
        return start + box(b"meta", bytes(4) + box(b"iinf", bytes(4) + b"\0\x01" + entry) + size + location)

    return described(len(described(0)) + 8) + box(b"mdat", item)
