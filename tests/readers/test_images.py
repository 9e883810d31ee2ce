"""What images tell: EXIF, XMP, IPTC, and files beside them.

Owns small images without pixels, made here. Invariant under test: what a person wrote comes first, and the camera's words are kept.
"""

from pathlib import Path

import pytest

from findling import readers
from findling.errors import BadInput
from made import exif, heic, jpeg, png, webp, xmp, zipped

CAMERA = [(0x010F, "NIKON"), (0x0110, "NIKON D90"), (0x010E, "OLYMPUS DIGITAL CAMERA")]
TAKEN = [(0x9003, "2024:05:01 10:20:30"), (0xA434, "35 mm")]
GPS = [(1, "N"), (2, [48, 12, 30]), (3, "W"), (4, [16, 22, 12]), (6, [171.5])]
CAPTION = xmp('<dc:description><rdf:Alt><rdf:li xml:lang="x-default">A boat at dawn</rdf:li></rdf:Alt></dc:description><dc:subject><rdf:Bag><rdf:li>boat</rdf:li><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>', 'photoshop:City="Wien"')


def only(name, data, **more):
    reading = readers.read(name, data, **more)
    assert not reading.faults and not reading.skipped
    (document,) = reading.documents
    return document


def test_a_photo_has_date_camera_place_and_size():
    document = only("DSC_0001.jpg", jpeg(exif(CAMERA, TAKEN, GPS)))
    assert (document.title, document.text, document.kind, document.date) == ("DSC 0001", "", "image", "2024-05-01")
    assert document.meta == {
        "file": "DSC_0001.jpg", "camera": "NIKON D90", "lens": "35 mm", "taken": "2024-05-01T10:20:30",
        "latitude": 48.208333, "longitude": -16.37, "altitude_m": 171.5, "width": 640, "height": 480,
    }  # fmt: skip


def test_captions_and_keywords_are_found():
    document = only("a.jpg", jpeg(exif(CAMERA), CAPTION, [(5, "The harbour"), (120, "A boat at dawn"), (25, "tower"), (105, "News")]))
    assert (document.title, document.text, document.tags) == ("The harbour", "News\n\nA boat at dawn\nWien\n\nboat, sea, tower", ("boat", "sea", "tower"))


def test_the_same_is_told_by_every_container():
    described = exif([*CAMERA, (0x010E, "A tower")], TAKEN, GPS)
    told = [only(name, data) for name, data in (("a.jpg", jpeg(described)), ("a.png", png(exif_data=described)), ("a.webp", webp(described, CAPTION)), ("a.heic", heic(described)), ("a.tif", described))]
    assert {each.date for each in told} == {"2024-05-01"}
    assert {(each.meta["camera"], each.meta["latitude"]) for each in told} == {("NIKON D90", 48.208333)}
    assert [(each.meta.get("width"), each.meta.get("height")) for each in told] == [(640, 480), (30, 20), (100, 50), (4032, 3024), (None, None)]
    assert "A boat at dawn" in told[2].text


@pytest.mark.parametrize("name", ["chromium.jpg", "chromium.webp"])
def test_what_a_browser_draws_has_its_size(name):
    assert only(name, (Path(__file__).parent / "files" / name).read_bytes()).meta == {"file": name, "width": 40, "height": 30}


def test_texts_of_a_png():
    document = only("a.png", png(("Title", "Chart"), ("Description", "Größe of waves"), ("Software", "none")))
    assert (document.title, document.text) == ("Chart", "Größe of waves")


def test_a_file_beside_describes_the_image_and_is_no_document_itself(run, app):
    async def scenario():
        await app.open("all")
        files = [{"name": "a.jpg", "bytes": jpeg()}, {"name": "a.xmp", "bytes": CAPTION.encode()}, {"name": "b.xmp", "bytes": CAPTION.encode()}]
        added = await app.add("all", files=files)
        return added, await app.search("all", "boat at dawn")

    added, answer = run(scenario())
    assert (added["added"], added["skipped"]) == (2, [])
    assert {hit["id"] for hit in answer["hits"]} == {"a.jpg", "b.xmp"}


def test_a_file_beside_is_found_in_an_archive_too():
    reading = readers.read("z.zip", zipped({"p/a.jpg": jpeg(), "p/a.jpg.xmp": CAPTION}))
    assert [(each.id, each.text[:6]) for each in reading.documents] == [("z.zip/p/a.jpg", "A boat")]
    assert reading.skipped == []


def test_no_reception_is_no_place():
    assert "latitude" not in only("a.jpg", jpeg(exif(CAMERA, gps=[(1, "N"), (2, [0, 0, 0]), (3, "E"), (4, [0, 0, 0])]))).meta


@pytest.mark.parametrize("data", [b"no image", b"\xff\xd8"[:1], b"RIFF\0\0\0\0AVI ", b"GIF89a\0"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(BadInput):
        readers.read("a.jpg", data)
