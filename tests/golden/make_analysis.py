"""Writes analysis.json: texts of many languages and kinds with the tokens that the native engine gives for them.

Owns the choice of texts; must not judge what comes out, which was read by a person: stems against the PyPI package
`snowballstemmer` 3.1.1, words against Unicode Standard Annex 29. Invariant: the same engine gives the same file. Run it as

    .venv/bin/python tests/golden/make_analysis.py
"""

import json
from pathlib import Path

from findling import engine

HERE = Path(__file__).parent

# What, language, text.
CASES = [
    ("nothing", "en", ""),
    ("spaces and signs", "en", " \t\n\u00a0 ...!? -- () \u2028"),
    ("english", "en", "The runners were running quickly through the cities; nobody's happier than Anna."),
    ("german", "de", "Die Häuser an der Straße gehören großen Familien. GROẞE STRASSEN!"),
    ("french", "fr", "Les élèves aimaient l’école; aujourd'hui, qu'est-ce qu'ils étudient à Œuvre-d'Art?"),
    ("spanish", "es", "Los niños corrían por las calles; las naciones unidas, la nación."),
    ("portuguese", "pt", "As crianças correram às nações irmãs, informações úteis."),
    ("italian", "it", "Gli amici dell'arte cantavano; l’università e le città."),
    ("dutch", "nl", "De kinderen liepen naar de mooie huizen; één idee, geïnteresseerd."),
    ("danish", "da", "Børnene løb gennem gaderne på Ærø, fordi husene var smukke."),
    ("norwegian", "no", "Barna løp gjennom gatene fordi husene var vakre."),
    ("swedish", "sv", "Barnen sprang genom gatorna eftersom husen var vackra i Ångermanland."),
    ("finnish", "fi", "Talossa asuvat lapset juoksivat kaduilla kylässään 3600 Python3."),
    ("hungarian", "hu", "A házakban lakó gyerekek az utcákon szaladtak, őszintén."),
    ("romanian", "ro", "Copiii alergau pe străzile orașului; casele lor erau frumoase, specificație și aplicații."),
    ("russian", "ru", "Дети бежали по улицам города; ёлки и йогурт, СТРОЙКА, всё создаётся."),
    ("greek", "el", "Τα παιδιά έτρεχαν στους δρόμους της πόλης· ο Σίσυφος."),
    ("turkish", "tr", "Çocuklar evlerinin önünde oynuyorlardı; İstanbul'da kitaplar, ILIK ışık."),
    ("arabic", "ar", "كَتَبَ الأطفالُ الكُتُبَ في المدارسِ، إلى آخره ٤٢"),
    ("tamil", "ta", "குழந்தைகள் வீடுகளில் புத்தகங்களைப் படித்தார்கள்."),
    ("polish has no stemmer", "pl", "Zażółć gęślą jaźń, Łódź."),
    ("no language", "und", "Running Straße häuser"),
    ("a region", "en-GB", "colours coloured"),
    ("hebrew", "he", "שָׁלוֹם עוֹלָם"),
    ("persian", "fa", "می‌خواهم کتاب‌های خوب بخوانم ۱۲۳"),
    ("hindi", "hi", "हिन्दी में खोज क्षमता"),
    ("vietnamese", "vi", "Tiếng Việt và Đà Nẵng"),
    ("chinese", "zh", "中文没有空格。我 用 Rust写代码，共3个。"),
    ("japanese", "ja", "漢字とひらがな、カタカナ、ｶﾞｷﾞ、ー、東京タワー"),
    ("korean", "ko", "한국어 문장에서 말 \u1112\u1161\u11ab\u1100\u116e\u11a8"),
    ("thai, lao, khmer, burmese", "th", "สวัสดีชาวโลก ສະບາຍດີ សួស្តី မင်္ဂလာပါ"),
    ("decomposed", "fr", "E\u0301cole, c\u0327a, A\u030angstrom"),
    ("compatibility", "en", "ﬁnd ｗｉｄｅ １２ ½ m² H₂O 𝐁𝐨𝐥𝐝 Ⅻ ﷺ ŉ ⅟ ª"),
    ("letters that do not decompose", "und", "ß ẞ æ Œ ø þ Đ ð ħ ı İ ł ŋ ŧ ς"),
    ("apostrophes", "en", "don't DON’T dog's dogs' 'tis rock'n'roll O'Neill’s l'eau d'Artagnan"),
    ("hyphens and slashes", "en", "state-of-the-art and/or x--y e-mail—dash well‑known"),
    ("addresses", "en", "https://example.org/a/b?q=1&r=%20#top www.example.com/~me. me.too@mail.example.org (http://localhost:8080/)"),
    ("files", "en", "/etc/passwd C:\\Users\\me\\notes.TXT ./run.sh ../x.tar.gz .gitignore report_final-v2.pdf"),
    ("code", "en", "snake_case MY_CONST camelCase HTTPServer getURL2 sha256Sum std::vector<int> a->b foo.bar() __init__ x86-64"),
    ("names", "en", "C++ C++11 C# F#. .NET (.NET) #hash #123 @me $HOME g++, AT&T R&D iPhone macOS CPUs U.S.A. e.g."),
    ("numbers", "en", "3.14 1,000,000 1.000,50 v1.2.3 12:30 2024-01-02 +49 -5 .5 100% $5 €5 5€ 1st"),
    ("emoji", "en", "👍 👍🏽 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 ❤️ ❤ 🇩🇪🇫🇷 🇩 1️⃣ #️⃣ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 😂😂 feeling🤒sick"),
    ("symbols", "en", "© ™ → ∑ ★ ♪ ° ┌─┐ █ ⠿ a×b €"),
    ("what is invisible", "en", "so\u00adft wo\u200drd ze\u200bro \ufeffbom \u202eabc\u202c x\u0000y a\ufffdb"),
    ("piles of marks", "en", "z" + "\u0301" * 20 + "a\u0489\u0300\u0301l\u0330go \u0301\u0302 alone"),
    ("long words", "en", "a" * 150 + " " + "b" * 64 + " " + "c." * 130 + "d"),
]  # fmt: skip

# Languages as guessed from texts of over 200 characters.
GUESSED = {
    "en": "We went to the market in the morning because it was the first day of the week. There were not many people, but those who had come were buying fruit and bread for their families, and all of them seemed to have been there before.",
    "de": "Wir gingen am Morgen auf den Markt, weil es der erste Tag der Woche war. Es waren nicht viele Leute da, aber die, die gekommen waren, kauften Obst und Brot für ihre Familien, und alle schienen schon einmal dort gewesen zu sein.",
    "fr": "Nous sommes allés au marché le matin parce que c'était le premier jour de la semaine. Il n'y avait pas beaucoup de monde, mais ceux qui étaient venus achetaient des fruits et du pain pour leur famille, et tous semblaient y être déjà allés.",
    "es": "Fuimos al mercado por la mañana porque era el primer día de la semana. No había mucha gente, pero los que habían venido compraban fruta y pan para sus familias, y todos parecían haber estado allí antes, como si lo conocieran muy bien.",
    "it": "Siamo andati al mercato la mattina perché era il primo giorno della settimana. Non c'era molta gente, ma quelli che erano venuti compravano frutta e pane per le loro famiglie, e tutti sembravano esserci già stati, come se lo conoscessero bene.",
    "pt": "Fomos ao mercado de manhã porque era o primeiro dia da semana. Não havia muita gente, mas os que tinham vindo compravam fruta e pão para as suas famílias, e todos pareciam já ter estado ali, como se o conhecessem muito bem e há muito tempo.",
    "nl": "We gingen 's ochtends naar de markt omdat het de eerste dag van de week was. Er waren niet veel mensen, maar degenen die gekomen waren kochten fruit en brood voor hun gezin, en ze leken er allemaal al eens te zijn geweest.",
    "da": "Vi gik på markedet om morgenen, fordi det var den første dag i ugen. Der var ikke mange mennesker, men de, der var kommet, købte frugt og brød til deres familier, og alle så ud til at have været der før, selv om ingen af dem sagde noget.",
    "no": "Vi gikk på markedet om morgenen fordi det var den første dagen i uken. Det var ikke mange mennesker der, men de som hadde kommet, kjøpte frukt og brød til familiene sine, og alle så ut til å ha vært der før, selv om ingen av dem sa noe.",
    "sv": "Vi gick till marknaden på morgonen eftersom det var den första dagen i veckan. Det var inte många människor där, men de som hade kommit köpte frukt och bröd till sina familjer, och alla såg ut att ha varit där förut, även om ingen sa något.",
    "fi": "Menimme torille aamulla, koska oli viikon ensimmäinen päivä. Ihmisiä ei ollut paljon, mutta ne jotka olivat tulleet ostivat hedelmiä ja leipää perheilleen, ja kaikki näyttivät käyneen siellä ennenkin, vaikka kukaan heistä ei sanonut mitään.",
    "hu": "Reggel a piacra mentünk, mert ez volt a hét első napja. Nem volt sok ember, de azok, akik eljöttek, gyümölcsöt és kenyeret vettek a családjuknak, és úgy tűnt, hogy már mindenki járt ott, csak egyikük sem mondott semmit erről.",
    "ro": "Am mers la piață dimineața pentru că era prima zi a săptămânii. Nu era multă lume, dar cei care veniseră cumpărau fructe și pâine pentru familiile lor, și toți păreau să mai fi fost acolo, deși niciunul dintre ei nu a spus nimic despre asta.",
    "ru": "Утром мы пошли на рынок, потому что это был первый день недели. Людей было не много, но те, кто пришёл, покупали фрукты и хлеб для своих семей, и все они, как казалось, уже бывали там раньше, хотя никто из них ничего не сказал.",
    "el": "Πήγαμε στην αγορά το πρωί γιατί ήταν η πρώτη μέρα της εβδομάδας. Δεν υπήρχε πολύς κόσμος, αλλά αυτοί που είχαν έρθει αγόραζαν φρούτα και ψωμί για τις οικογένειές τους, και όλοι έμοιαζαν να έχουν ξαναπάει εκεί από παλιά.",
    "tr": "Haftanın ilk günü olduğu için sabah pazara gittik. Çok kalabalık değildi ama gelenler aileleri için meyve ve ekmek alıyordu; hepsi daha önce de oraya gelmiş gibi görünüyordu. Bu kadar erken bir saatte ne yapacağımızı bilmiyorduk ve bekledik.",
    "ar": "ذهبنا إلى السوق في الصباح لأن هذا كان أول يوم من الأسبوع. لم يكن هناك كثير من الناس، ولكن الذين جاءوا كانوا يشترون الفاكهة والخبز من أجل عائلاتهم، وقد بدا أن كل هؤلاء كانوا هناك من قبل، ولم يقل أحد أي شيء عن هذا الأمر على الإطلاق بعد ذلك.",
    "ta": "வாரத்தின் முதல் நாள் என்பதால் காலையில் இந்த சந்தைக்குச் சென்றோம். அங்கு அதிக மக்கள் இல்லை, ஆனால் வந்த ஒரு சிலர் பழங்கள் மற்றும் ரொட்டி வாங்கினர். அவர் அந்த இடத்தை அறிந்த ஒரு மனிதர் என்று தோன்றியது. இது ஒரு நல்ல நாள் என்று அவர் சொன்னார்.",
    "und": "Rano poszliśmy na targ, ponieważ był to pierwszy dzień tygodnia. Nie było wielu ludzi, ale ci, którzy przyszli, kupowali owoce i chleb dla swoich rodzin, i wydawało się, że wszyscy już tam kiedyś byli, chociaż nikt z nich nic nie powiedział.",
}  # fmt: skip

UNCLEAR = [
    "let x = f(y) + g[z]; while x < 10 { x += 1; println!(x); } return Ok(()); " * 4,
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 8,
    "0123456789 " * 30,
]


def case(about: str, language: str, text: str) -> dict[str, object]:
    tokens = engine.analyse(text, language)["tokens"]
    return {"about": about, "language": language, "text": text, "tokens": [list(token.values()) for token in tokens]}


def main() -> None:
    guessed = [{"text": text, "language": language} for language, text in GUESSED.items()]
    guessed += [{"text": text, "language": "und"} for text in UNCLEAR]
    cases = ",\n".join(json.dumps(case(*row), ensure_ascii=False) for row in CASES)
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in guessed)
    file = f'{{"columns": ["term", "form", "position", "start", "end", "whole"],\n"cases": [\n{cases}\n],\n"guessed": [\n{rows}\n]}}\n'
    (HERE / "analysis.json").write_text(file, encoding="utf-8")


if __name__ == "__main__":
    main()
