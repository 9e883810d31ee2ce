//! Words of which the tokens come later: found by what is kept of them, against words that have all their tokens.
//!
//! Owns what is asserted; knows no offsets but those that words tell. Invariant: seeded; every answer is that of words that were filled
//! with the same documents.

use super::support::Seeded;
use super::words::{asking, filled, forms, scored, source, text};
use findling_core::words::{Request, Sections, Source, Words};

/// Words find what others do.
fn alike(words: &Words, others: &Words, seeded: &mut Seeded) {
    assert_eq!(forms(words), forms(others));
    for _ in 0..8 {
        let asked = text(seeded, 5);
        let typed = Request {
            typing: true,
            ..asking(&asked)
        };
        for request in [asking(&asked), typed] {
            let (query, expected) = scored(others, &request);
            let (own, found) = scored(words, &request);
            assert_eq!(found, expected);
            assert_eq!(words.titled(&asked, &own), others.titled(&asked, &query));
        }
        let correct = |words: &Words| {
            let mut corrections = Vec::new();
            let text = words.correct(&asked, false, |_| false, &mut corrections);
            (text, corrections)
        };
        assert_eq!(correct(words), correct(others));
    }
}

#[test]
fn words_are_found_the_same_before_their_tokens_come() {
    for seed in 0..20 {
        let mut seeded = Seeded(200 + seed);
        let count = seeded.below(40);
        let sources: Vec<Source> = (0..count).map(|_| source(&mut seeded)).collect();
        let mut fresh = filled(&sources);
        let sections = fresh.sections();
        let early = Sections {
            tokens: Vec::new(),
            ..sections.clone()
        };
        let mut read = Words::read(&early, count).unwrap();
        assert_eq!(read.lacks_tokens(), count > 0);
        alike(&read, &fresh, &mut seeded);
        let cut = sections.tokens.len().saturating_sub(4);
        if cut > 0 {
            assert!(read.complete(&sections.tokens[..cut]).is_err());
            assert!(read.lacks_tokens());
        }
        read.complete(&sections.tokens).unwrap();
        alike(&read, &fresh, &mut seeded);
        assert_eq!(read.sections(), sections);
    }
}

#[test]
fn documents_come_and_go_before_the_tokens_of_others_come() {
    let mut waited = 0;
    for seed in 0..60 {
        let mut seeded = Seeded(300 + seed);
        let count = 1 + seeded.below(12);
        let mut sources: Vec<Source> = (0..count).map(|_| source(&mut seeded)).collect();
        let sections = filled(&sources).sections();
        let early = Sections {
            tokens: Vec::new(),
            ..sections.clone()
        };
        let mut read = Words::read(&early, count).unwrap();
        let keep: Vec<bool> = sources.iter().map(|_| seeded.below(4) > 0).collect();
        let is_lent = seeded.below(8) > 0;
        for gone in (0..count).filter(|number| is_lent && !keep[*number]) {
            let own = read.early(gone).unwrap();
            let tokens = &sections.tokens[own.start as usize..own.end as usize];
            read.lend(gone, tokens).unwrap();
            assert_eq!(read.early(gone), None);
        }
        read.retain(&keep);
        let mut stays = keep.iter();
        sources.retain(|_| *stays.next().unwrap());
        for _ in 0..2 {
            let more: Vec<Source> = (0..seeded.below(4)).map(|_| source(&mut seeded)).collect();
            let all: Vec<usize> = (0..more.len()).collect();
            read.append(&filled(&more), &all).unwrap();
            sources.extend(more);
            read.settle();
            if read.waits_for_tokens() {
                waited += 1;
                read.complete(&sections.tokens).unwrap();
                read.settle();
            }
            alike(&read, &filled(&sources), &mut seeded);
        }
        if read.lacks_tokens() {
            read.complete(&sections.tokens).unwrap();
        }
        alike(&read, &filled(&sources), &mut seeded);
        assert_eq!(read.sections(), filled(&sources).sections());
    }
    assert!((3..30).contains(&waited), "{waited} of 60");
}

#[test]
fn what_is_said_to_follow_from_tokens_is_refused_or_leads_somewhere() {
    let mut seeded = Seeded(17);
    let sources: Vec<Source> = (0..12).map(|_| source(&mut seeded)).collect();
    let early = Sections {
        tokens: Vec::new(),
        ..filled(&sources).sections()
    };
    let mut refused = 0;
    for turn in 0..6000 {
        let mut broken = early.clone();
        let lookup = broken.lookup.as_mut().unwrap();
        let part = match turn % 3 {
            0 => &mut lookup.titles,
            1 => &mut lookup.terms,
            _ => &mut lookup.postings,
        };
        let at = seeded.below(part.len());
        match seeded.below(4) {
            0 => part.truncate(at),
            1 => part.insert(at, seeded.below(256) as u8),
            2 => part[at] = [0, 0x7f, 0xff][seeded.below(3)],
            _ => part[at] ^= 1 << seeded.below(8),
        }
        match Words::read(&broken, sources.len()) {
            Err(_) => refused += 1,
            Ok(words) => {
                forms(&words);
                let asked = text(&mut seeded, 5);
                let (query, _) = scored(&words, &asking(&asked));
                words.titled(&asked, &query);
                words.correct(&asked, true, |_| false, &mut Vec::new());
            }
        }
    }
    assert!(refused > 2000, "{refused} of 6000");
}
