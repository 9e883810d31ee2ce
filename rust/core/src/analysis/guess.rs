//! The language that a text is probably written in.
//!
//! Owns the words by which a language is known: the most frequent ones that say little, folded. Must not know of documents.
//! Languages without a stemmer are among them, so that their texts are not taken for a neighbour's.
//! Invariant: an answer is a function of the first [`READ`] bytes of a text, and a short text has none.

use super::{Language, analyse};
use std::sync::OnceLock;

/// A text of at most so many characters is not guessed at.
pub const GUESS_OVER: usize = 200;
/// What a long text is judged by, in bytes.
pub const READ: usize = 16_384;
/// What a word is worth that one language has; one that several have is shared by them.
const WORTH: u32 = 60;
/// The least worth of a text's words, on the average.
const LEAST: u32 = 3;
/// The least different words: `y` alone, in a program, is not Spanish.
const DIFFERENT: u32 = 3;

#[rustfmt::skip]
const WORDS: [(Language, &str); 36] = [
    (Language::English, "the of and to in is that for it with as was on be by this are from or have an not which you at but they his her were been has can will if a i my your we our their there what how when where who would could should"),
    (Language::German, "der die und in das den von zu mit ist des sich nicht ein eine auf fur im dem als auch es an werden aus er hat dass sie nach wird bei einer um sind noch wie einem uber einen zum oder aber zur durch kann wurde nur"),
    (Language::French, "de la le et les des en un une du est que dans pour qui pas sur au par plus avec il ce se sont ne cette ou mais vous nous elle leur aux ete ces comme etre l d n a"),
    (Language::Spanish, "de la que el en y los se del las un por con una su para es al lo como mas o pero sus no ha este si esta son entre cuando sin sobre ser tiene tambien fue puede debe ya hay esto fichero"),
    (Language::Italian, "di e il la che in a per un del non con si da una i le della sono al gli come piu ma nel alla dei anche questo delle lo ha se essere o ed l d dell"),
    (Language::Portuguese, "de a o que e do da em um para com nao uma os no se na por mais as dos como mas ao ele das seu sua ou foi sao nos ja tambem pelo pela ate ser pode"),
    (Language::Dutch, "de van het een en in is dat op te zijn met voor niet aan er die om ook als dan maar bij nog uit naar door wordt worden deze tot werd of kan heeft geen"),
    (Language::Danish, "og i at er det en til den af de med som for pa der ikke et har kan om fra men sig var blev skal nar ved hvis eller denne efter blive mere dette fejl noget nogle nogen meget bliver uden mellem kun mod ud op bruges anden"),
    (Language::Norwegian, "og i det er til en som pa de av a med for ikke den har om et men var seg fra han kan skal eller hvis nar ved etter ble blir vil dette vaere mer kunne feil noe noen mye blitt bare mot uten mellom opp ut bruk annen"),
    (Language::Swedish, "och i att det som en pa ar av for med till den har de inte om ett men var sig fran eller kan nar ska detta efter finns vid blev fel maste over"),
    (Language::Finnish, "ja on ei etta se oli joka mutta han ovat myos kun niin ole tai jos voi sen mita kuin vain tama ne jotka sita mukaan eika olla tata voida sisaltaa kanssa ennen"),
    (Language::Hungarian, "a az es hogy nem is egy van meg csak ez de ha mar mint vagy volt azt kell nagyon minden fel ki be sem ezt lehet lett ami nincs"),
    (Language::Romanian, "de si in a la cu pe nu este sa din care un o ca pentru mai al prin sunt fi sau ale dar acest aceasta fost se poate cand unui unei"),
    (Language::Russian, "и в не на что с по как это из к у за от но для его то же все при или если был быть они может нет только файл этого этот эта невозможно также которые"),
    (Language::Greek, "και το να του τησ η στο με που για την απο ειναι τα δεν σε των τον θα οι στην ενα ωσ αυτο ο τισ τουσ κατα"),
    (Language::Turkish, "ve bir bu da icin ile de olarak daha cok olan gibi kadar en ne ya degil her sonra oldugu ama veya ise var bunu olmayan icinde"),
    (Language::Arabic, "في من علي ان الي التي عن مع هذا كان ما لا هذه الذي او بين كل بعد قد لم هو غير و"),
    (Language::Tamil, "ஒரு என்று மற்றும் இந்த என்ற அந்த இது அல்லது உள்ள என அவர் போன்ற கொண்ட இருந்து இல்லை இல் ஐ க்கு வேண்டும் முடியாது"),
    (Language::None, "i w na z do nie sie jest to o jak ze przez po za od dla oraz ale czy byc jego lub a sa moze mozna"),
    (Language::None, "a v na se je ze s to za do pro o by k jako ale nebo byl jsou jeho ktery bude pri nelze neni byt pouze take pokud"),
    (Language::None, "a v na sa je ze s to za do pre o by k ako ale alebo bol su jeho ktory bude pri nie aj nemozno tiez ked pokial"),
    (Language::None, "de la i el que en els a les per del amb una al no un es com mes dels aquest ha son pero seva o aquesta s l d si"),
    (Language::None, "і в на не що з та до як це за від у для його або є також при якщо ві наити"),
    (Language::None, "и на в да за се от е не че с по са като със или това към при може"),
    (Language::None, "и у је да на се за од са не који или као ниjе није може"),
    (Language::None, "i u je da na se za od koji su s ne sa kao ili bio nije moze"),
    (Language::None, "in v je da na se za ki so z ne ali pa ni kot bil pri mogoce ce"),
    (Language::None, "yang dan di dengan untuk dari pada ini itu tidak dalam adalah akan ke oleh sebagai juga atau"),
    (Language::None, "cua va la co duoc cho trong khong mot nhung voi cac nguoi de nay tu khi the"),
    (Language::None, "و در به از كه اين را با است براي ان يك هر تا شود"),
    (Language::None, "ja on ei et see ka kui oli mis aga ning selle seda voi ole pole"),
    (Language::None, "ir kad su yra tai i is bet kaip buvo ar ne uz nera negalima"),
    (Language::None, "un ir ka par no ar uz lai bet nav vai tika neizdevas"),
    (Language::None, "la de kaj en estas ne al por kun el ke kiu mi li kiel sed gi oni"),
    (Language::None, "de a o que e do da en un para con non unha os no se na por mais as dos como ao seu sua ou foi"),
    (Language::None, "eta da ez bat du dira ere hau edo den baina dute izan ezin"),
];

/// The language of a text of over 200 characters, if its words tell one clearly; `Language::None` if that has no stemmer.
///
/// Each word counts for the languages that use it often, the more the fewer they are. The best has to have a fifth more than
/// the next, several different words, and enough for the length of the text.
pub fn guess(text: &str) -> Option<Language> {
    text.char_indices().nth(GUESS_OVER)?;
    let mut end = text.len().min(READ);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let table = table();
    let mut sums = [0; WORDS.len()];
    let mut different = [0; WORDS.len()];
    let mut seen = vec![false; table.len()];
    let mut count = 0;
    analyse(&text[..end], Language::None, |token| {
        if token.whole {
            return;
        }
        count += 1;
        if let Ok(at) = table.binary_search_by(|(word, _)| (*word).cmp(token.form)) {
            let mut users = table[at].1;
            let share = WORTH / users.count_ones();
            let first = u32::from(!seen[at]);
            seen[at] = true;
            while users != 0 {
                let user = users.trailing_zeros() as usize;
                sums[user] += share;
                different[user] += first;
                users &= users - 1;
            }
        }
    });
    let best = (0..sums.len()).max_by_key(|at| (sums[*at], std::cmp::Reverse(*at)))?;
    let others = sums.iter().enumerate().filter(|(at, _)| *at != best);
    let next = others.map(|(_, sum)| *sum).max()?;
    let enough = different[best] >= DIFFERENT && sums[best] >= LEAST * count;
    let clear = enough && 5 * sums[best] >= 6 * next;
    clear.then_some(WORDS[best].0)
}

/// Whether one of these languages uses a word so often that it says little of a text.
pub fn says_little(form: &str, languages: &[Language]) -> bool {
    let table = table();
    let Ok(at) = table.binary_search_by(|(word, _)| (*word).cmp(form)) else {
        return false;
    };
    WORDS.iter().enumerate().any(|(row, (language, _))| {
        *language != Language::None && languages.contains(language) && table[at].1 >> row & 1 == 1
    })
}

/// Every word with the languages that use it, a bit for each row of `WORDS`; sorted.
fn table() -> &'static [(&'static str, u64)] {
    static TABLE: OnceLock<Vec<(&str, u64)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: Vec<(&str, u64)> = Vec::new();
        for (at, (_, words)) in WORDS.iter().enumerate() {
            table.extend(words.split(' ').map(|word| (word, 1 << at)));
        }
        table.sort_unstable();
        table.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 |= next.1;
            }
            same
        });
        table
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_form_and_stands_once_in_its_language() {
        for (_, words) in WORDS {
            let mut seen = Vec::new();
            for word in words.split(' ') {
                let mut forms = Vec::new();
                analyse(word, Language::None, |token| {
                    forms.push(token.form.to_owned())
                });
                assert_eq!(forms, [word]);
                assert!(!seen.contains(&word), "{word}");
                seen.push(word);
            }
        }
    }

    #[test]
    fn a_word_says_little_in_its_own_languages_only() {
        assert!(says_little("with", &[Language::German, Language::English]));
        assert!(!says_little("with", &[Language::German]));
        assert!(!says_little("fever", &[Language::English]));
        assert!(!says_little("nie", &[Language::None]));
    }

    #[test]
    fn a_text_of_200_characters_is_not_guessed_at() {
        let text = "the cat and the dog are in the house with ".repeat(5);
        assert_eq!(guess(&text[..200]), None);
        assert_eq!(guess(&text[..201]), Some(Language::English));
        let wide = "é".repeat(199);
        assert_eq!(guess(&wide), None);
    }
}
