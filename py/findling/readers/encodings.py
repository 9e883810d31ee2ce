"""The encoding of a text that does not say it, guessed from what its letters would be.

Owns the encodings that are tried and what speaks for each. Must not know files. Invariant: the same bytes give the same
encoding everywhere, and what looks like Windows-1252 stays that.

A candidate is scored by the characters it makes of the bytes beyond ASCII: the mean over them of 1 for one that is common in the
languages written in it, less for rare ones, less than nothing for what no text has there: letters of Western Europe in words of
their own, other scripts in the middle of Latin words, signs between letters.
"""

import codecs
import re

from findling.readers.files import Needs

SAMPLE_BYTES = 64 * 1024
WESTERN = "cp1252"
SURE = 0.9
"""From here on nothing can be better by `MARGIN`."""
MARGIN = 0.1
SUPERSETS = {"euc_kr": "cp949"}
"""What a text is decoded by: few write the syllables that only the larger set has, and many bytes would be some."""
LEAST = 0.45
"""With less nothing is likely, and the text stays what it would be without a guess."""
RARE = 0.3

_LATIN = "äöüßéèàçñóíáúêâôîëïãåæøœìòùÄÖÜÉÅØ“”‘’„–—…«»°§€£¿¡·©®½±"
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбй"
_THAI = "านรอกเงมยลวดทสตะปบคหแไ\u0e48\u0e49\u0e35\u0e31\u0e34\u0e37\u0e39\u0e38"
_HANZI = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手"
    "這來國個說們為時會著過學對後麼沒於還發當無開邊風見經頭長動現將與進點種聲話問機給幾業間電門東海邊"
)
_KANA = "".join(map(chr, [*range(0x3041, 0x3097), *range(0x30A1, 0x30FB), 0x30FC])) + "、。「」"
_HANGUL = "이다는을를에가고의은하지도로한기사서리나인대자어시해있그들만수으라"

# Name, the common characters, a pattern of all others that speak for it, and how much they do: a pair of bytes that fits says more than one.
_CANDIDATES = (
    ("cp1251", _CYRILLIC, "[Ѐ-ӿ«»–—№“”„…]", RARE),
    ("koi8_r", _CYRILLIC, "[Ѐ-ӿ]", RARE),
    ("cp866", _CYRILLIC, "[Ѐ-ӿ]", RARE),
    ("iso8859_5", _CYRILLIC, "[Ѐ-ӿ№]", RARE),
    ("cp1250", "áčďéěíňóřšťúůýžäöüßąćęłńśźżőűțșŁŚŻŹČŠŽŘ„”“’–—…", "[À-ſ«»]", RARE),
    ("cp1253", "αοιετσνηυρπκμλωςάέίόή", "[Ͱ-Ͽ«»–]", RARE),
    ("cp1254", "ğışçöüâîİŞĞÇÖÜ“”‘’–—…", "[À-ſ]", RARE),
    ("cp1255", "אבדהוילמןםנעקרשת", "[\u0590-\u05ff–“”]", RARE),
    ("cp1256", "ابتجحدرسشعفقكلمنهويىةأ،", "[\u0600-\u06ff]", RARE),
    ("cp1257", "āčēģīķļņšūžąęėįųõäöü“”„–", "[À-ſ]", RARE),
    ("cp874", _THAI, "[\u0e00-\u0e7f]", RARE),
    ("cp932", _KANA, "[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]", 0.5),
    ("euc_jp", _KANA, "[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]", 0.5),
    ("gb18030", _HANZI + "，。、：；？！“”《》", "[\u3000-\u303f\u4e00-\u9fa5\uff00-\uffef]", 0.5),
    ("big5", _HANZI + "，。、：；？！「」《》", "[\u3000-\u303f\u4e00-\u9fa5\uff00-\uffef]", 0.5),
    ("euc_kr", _HANGUL, "[\uac00-\ud7a3\u3000-\u303f]", 0.8),
)
_SPECIAL = re.compile(r"[^\x00-\x7f]")
_BETWEEN_LETTERS = re.compile("(?<=[^\\W\\d_])[\u00a1-\u00a9\u00ab\u00ac\u00ae-\u00b6\u00b8\u00b9\u00bb-\u00bf†‡•…‰‹›€™](?=[^\\W\\d_])")
_LATIN_ALONE = re.compile(r"\b[À-ſ]{3,}\b|[À-ſ]{4,}")
_MIXED = re.compile(r"[a-zA-Z](?![À-ſ])[^\W\d_\x00-\x7f]|(?![À-ſ])[^\W\d_\x00-\x7f][a-zA-Z]")
# Letters where none of the language writes them: final ones inside a word, signs that stand on nothing, capitals behind small ones.
_MISPLACED = re.compile(
    "[ךםןףץ](?=[א-ת])|ς(?=[α-ω])|(?<![\u0e01-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]|(?<![а-яёіїєґА-ЯЁ])[ьъы]|[а-яё](?=[А-ЯЁ])|[α-ω](?=[Α-Ω])"
)


def guess(data: bytes) -> str:
    """The name of the encoding that makes the likeliest text of bytes that are not UTF-8; raises `Needs` where encodings are not at hand."""
    sample = data[:SAMPLE_BYTES]
    best, best_score = WESTERN, _score(sample, WESTERN, _LATIN, "[À-ſ]", RARE)
    if best_score > SURE:
        return best
    if not complete():
        raise Needs("stdlib")
    bar = max(best_score + MARGIN, LEAST)
    for name, common, others, weight in _CANDIDATES:
        score = _score(sample, name, common, others, weight)
        if score > max(bar, best_score):
            best, best_score = name, score
    return best


def complete() -> bool:
    """Whether Python has all its encodings; in a browser most of them wait to be needed."""
    try:
        codecs.lookup("cp1251")
    except LookupError:
        return False
    return True


def _score(sample: bytes, name: str, common: str, others: str, weight: float) -> float:
    """How likely the text is, 1 at the most; -1 where the bytes are none of this encoding."""
    decoder = codecs.getincrementaldecoder(name)()
    try:
        # The sample may end in the middle of a character.
        text = decoder.decode(sample)
    except UnicodeDecodeError:
        return -1.0
    special = "".join(_SPECIAL.findall(text))
    if not special:
        return -1.0
    known = len(re.findall(f"[{re.escape(common)}]", special))
    rare = len(re.findall(others, special)) - len(re.findall(f"(?=[{re.escape(common)}]){others}", special))
    wrong = len(_BETWEEN_LETTERS.findall(text)) + sum(map(len, _LATIN_ALONE.findall(text))) + len(_MIXED.findall(text)) + len(_MISPLACED.findall(text))
    strange = len(special) - known - rare
    return (known + weight * rare - strange - 2 * wrong) / len(special)
