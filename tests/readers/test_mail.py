"""What is read from messages and mailboxes.

Owns messages made by the standard library. Invariant under test: the writer's own words are found, and attachments by themselves.
"""

from email.message import EmailMessage

import pytest

from findling import readers
from findling.errors import BadInput
from made import docx, paragraph, zipped


def message(subject="Grüße", text="See you at the harbour.", **headers):
    made = EmailMessage()
    made["Subject"], made["From"], made["To"], made["Date"] = subject, "Ann <ann@example.org>", "bob@example.org", "Wed, 01 May 2024 23:30:00 -0200"
    for name, value in headers.items():
        made[name] = value
    made.set_content(text)
    return made


def test_a_message_is_its_text_and_its_header():
    (document,) = readers.read("a.eml", bytes(message())).documents
    assert (document.title, document.text, document.kind, document.date) == ("Grüße", "See you at the harbour.", "mail", "2024-05-02")
    assert document.meta == {"file": "a.eml", "from": "Ann <ann@example.org>", "to": "bob@example.org"}


def test_quotes_and_signatures_are_left_out():
    text = "Yes.\n\n> Will you come?\n> Bob\n\nOn the ninth.\n-- \nAnn\nHarbour 1\n"
    (document,) = readers.read("a.eml", bytes(message(text=text))).documents
    assert document.text == "Yes.\n\n\nOn the ninth."
    (document,) = readers.read("a.eml", bytes(message(text="> only a quote\n"))).documents
    assert document.text == "> only a quote"


def test_of_alternatives_the_plain_text_is_taken_and_html_where_there_is_none():
    made = message(text="plain words")
    made.add_alternative("<p>rich words</p>", subtype="html")
    assert [each.text for each in readers.read("a.eml", bytes(made)).documents] == ["plain words"]
    only_html = message()
    only_html.set_content("<p>rich <b>words</b></p><script>no()</script>", subtype="html")
    assert [each.text for each in readers.read("a.eml", bytes(only_html)).documents] == ["rich words"]


def test_attachments_are_files_of_their_own():
    made = message()
    made.add_attachment(docx(paragraph("a report")), maintype="application", subtype="octet-stream", filename="Bericht.docx")
    made.add_attachment(zipped({"in.txt": "inside"}), maintype="application", subtype="zip")
    made.add_attachment(b"logo", maintype="image", subtype="x-logo", filename="logo.xyz")
    made.add_attachment(message("Inner", "forwarded words"))
    reading = readers.read("a.eml", bytes(made))
    assert [(each.id, each.text) for each in reading.documents] == [
        ("a.eml", "See you at the harbour."),
        ("a.eml/Bericht.docx", "a report"),
        ("a.eml/2.zip/in.txt", "inside"),
        ("a.eml/4.eml", "forwarded words"),
    ]
    assert reading.documents[0].meta["attachments"] == ["Bericht.docx", "logo.xyz"]
    assert reading.skipped == []


def test_a_mailbox_is_its_messages():
    box = b"".join(b"From ann@example.org Wed May  1 23:30:00 2024\n" + bytes(each).replace(b"\nFrom ", b"\n>From ") + b"\n" for each in (message("One", "first"), message("Two", "second\nFrom here on\n")))
    reading = readers.read("a.mbox", box)
    assert [(each.id, each.title, each.text) for each in reading.documents] == [("a.mbox/1", "One", "first"), ("a.mbox/2", "Two", "second\nFrom here on")]


def test_old_encodings_are_read():
    raw = b"Subject: =?iso-8859-1?q?Gr=FC=DFe?=\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nSch\xf6ne Gr\xfc\xdfe\n"
    (document,) = readers.read("a.eml", raw).documents
    assert (document.title, document.text) == ("Grüße", "Schöne Grüße")


@pytest.mark.parametrize(("name", "data"), [("a.mbox", b"no messages here"), ("a.eml", b"\n\n")])
def test_what_is_no_mail_is_refused(name, data):
    with pytest.raises(BadInput):
        readers.read(name, data)
