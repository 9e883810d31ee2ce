"""Small real files of every format, made here. Owns their bytes; knows nothing of how they are read."""

import io
import zipfile

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CORE = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'


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
