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
