//! Dates as people and programs write them: ISO 8601, extended form, to seconds.
//!
//! Owns the calendar; knows nothing of columns. A date without a zone is in UTC, one that is less than a second exact
//! stands for all the seconds it may mean.
//! Invariant: any text is either a date or none, without overflow; a later date has greater seconds.

use std::ops::Range;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Zones further than this from UTC do not exist.
const ZONE_CAP: i64 = 18 * HOUR;

/// The seconds since 1970-01-01T00:00:00Z that a text means: `2024`, `2024-02`, `2024-02-29`, `2024-02-29T12:30`,
/// `2024-02-29T12:30:15`, with a fraction (which is cut off) and a zone (`Z`, `+02:00`, `+0200`, `+02`) after a time; a
/// space may stand for the `T`. Years are 0000 to 9999 of the Gregorian calendar. None for everything else.
pub fn seconds(text: &str) -> Option<Range<i64>> {
    let mut rest = Reader(text.as_bytes());
    let year = rest.digits(4)?;
    if rest.is_done() {
        return Some(day(year, 1, 1) * DAY..day(year + 1, 1, 1) * DAY);
    }
    rest.take(b'-')?;
    let month = rest.digits(2).filter(|month| (1..=12).contains(month))?;
    if rest.is_done() {
        let next = day(year + month / 12, month % 12 + 1, 1);
        return Some(day(year, month, 1) * DAY..next * DAY);
    }
    rest.take(b'-')?;
    let last = day(year + month / 12, month % 12 + 1, 1) - day(year, month, 1);
    let date = rest.digits(2).filter(|date| (1..=last).contains(date))?;
    let start = day(year, month, date) * DAY;
    if rest.is_done() {
        return Some(start..start + DAY);
    }
    rest.take(b'T')
        .or_else(|| rest.take(b't'))
        .or_else(|| rest.take(b' '))?;
    let hour = rest.digits(2).filter(|hour| *hour < 24)?;
    rest.take(b':')?;
    let minute = rest.digits(2).filter(|minute| *minute < 60)?;
    let mut start = start + hour * HOUR + minute * MINUTE;
    let mut length = MINUTE;
    if rest.take(b':').is_some() {
        // A leap second is the first of the next minute, as clocks in POSIX time have it.
        start += rest.digits(2).filter(|second| *second <= 60)?;
        length = 1;
        if rest.take(b'.').or_else(|| rest.take(b',')).is_some() {
            rest.digits(1)?;
            while rest.digits(1).is_some() {}
        }
    }
    start -= rest.zone()?;
    rest.is_done().then_some(start..start + length)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, months counted from March so that the leap day comes last
/// (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn day(year: i64, month: i64, date: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + date - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == wanted).then(|| self.0 = rest)
    }

    /// A number of exactly that many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(
            digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')),
        )
    }

    /// Seconds east of UTC; 0 where nothing follows.
    fn zone(&mut self) -> Option<i64> {
        if self.is_done() || self.take(b'Z').is_some() || self.take(b'z').is_some() {
            return Some(0);
        }
        let sign = if self.take(b'-').is_some() {
            -1
        } else {
            self.take(b'+')?;
            1
        };
        let hours = self.digits(2)?;
        let mut minutes = 0;
        if !self.is_done() {
            let _ = self.take(b':');
            minutes = self.digits(2).filter(|minutes| *minutes < 60)?;
        }
        let seconds = hours * HOUR + minutes * MINUTE;
        (seconds <= ZONE_CAP).then_some(sign * seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_exactness_are_read() {
        for (text, start, length) in [
            ("1970", 0, 365 * DAY),
            ("1970-01-01", 0, DAY),
            ("1969-12-31T23:59:59Z", -1, 1),
            ("2000-02", 951_782_400 - 28 * DAY, 29 * DAY),
            ("2000-02-29", 951_782_400, DAY),
            ("2024-12", 1_733_011_200, 31 * DAY),
            ("2026-11-21T11:45", 1_795_261_500, MINUTE),
            ("2026-11-21 11:45:24.5", 1_795_261_524, 1),
            ("2026-11-21T13:45:24+02:00", 1_795_261_524, 1),
            ("2026-11-21t04:15:24,123456789-0730", 1_795_261_524, 1),
            ("2026-11-21T09:45:24-02", 1_795_261_524, 1),
            ("2016-12-31T23:59:60Z", 1_483_228_800, 1),
            ("0000-03-01", -62_162_035_200, DAY),
            ("9999-12-31", 253_402_214_400, DAY),
        ] {
            assert_eq!(seconds(text), Some(start..start + length), "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut expected = seconds("1800-01-01").unwrap().start;
        for year in 1800..2201 {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            for month in 1..=12 {
                let days = match month {
                    2 => 28 + i64::from(is_leap),
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                for date in 1..=days {
                    let found = seconds(&format!("{year:04}-{month:02}-{date:02}")).unwrap();
                    assert_eq!(found, expected..expected + DAY);
                    expected += DAY;
                }
                assert_eq!(
                    seconds(&format!("{year:04}-{month:02}-{:02}", days + 1)),
                    None
                );
            }
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "1",
            "197",
            "19700",
            "1970-",
            "1970-1",
            "1970-00",
            "1970-13",
            "1970-01-",
            "1970-01-00",
            "1970-01-32",
            "2023-02-29",
            "1900-02-29",
            "1970-01-01T",
            "1970-01-01T24:00",
            "1970-01-01T12",
            "1970-01-01T12:60",
            "1970-01-01T12:00:61",
            "1970-01-01T12:00:00.",
            "1970-01-01T12:00:00+19",
            "1970-01-01T12:00:00+18:01",
            "1970-01-01T12:00:00Zz",
            "1970-01-01T12:00+",
            "1970-01-01Z",
            "-1970",
            "+1970",
            "１９７０",
            "1970-0\u{661}",
            "19700101",
            "yesterday",
            "1970-01-01T12:00:00+02:0",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
