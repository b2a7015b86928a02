//! Days of the civil calendar, in UTC: an agreement holds from one day to another.

use core::fmt;

use crate::ids::Timestamp;

/// A day from 1 January 1970 to 31 December 9999, Gregorian, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Day {
    /// A day of the calendar; `None` for a day that does not exist or lies before 1970.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Day> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        let exists = (1970..=9999).contains(&year) && (1..=days).contains(&day);
        exists.then_some(Day { year, month, day })
    }

    /// The day that a time lies in, UTC; the last day there is for later ones. H. Hinnant, as below,
    /// `civil_from_days`.
    #[must_use]
    pub fn of(time: Timestamp) -> Day {
        let days = time.0 / Timestamp::DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let narrow = |n: u64| u8::try_from(n).ok();
        let known = u16::try_from(year).ok().zip(narrow(month)).zip(narrow(day));
        let known = known.and_then(|((year, month), day)| Day::new(year, month, day));
        known.unwrap_or(Day { year: 9999, month: 12, day: 31 })
    }

    /// 00:00 UTC of this day.
    #[must_use]
    pub fn begins(self) -> Timestamp {
        Timestamp(self.since_1970() * Timestamp::DAY)
    }

    /// The first millisecond after this day: 00:00 UTC of the next.
    #[must_use]
    pub fn is_over(self) -> Timestamp {
        self.begins().plus_days(1)
    }

    /// Days since 1970-01-01: H. Hinnant, "chrono-compatible low-level date algorithms",
    /// `days_from_civil`. Years begin in March there, so that the leap day comes last.
    fn since_1970(self) -> u64 {
        let (month, day) = (u64::from(self.month), u64::from(self.day));
        let year = u64::from(self.year) - u64::from(month <= 2);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let (era, year_of_era) = (year / 400, year % 400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = MONTHS.get(usize::from(self.month) - 1).copied().unwrap_or_default();
        write!(f, "{} {} {}", self.day, month, self.year)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_counts_them() {
        let mut expected = 0;
        for year in 1970..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(it) = Day::new(year, month, day) {
                        assert_eq!(it.since_1970(), expected, "{it}");
                        assert_eq!(Day::of(it.begins()), it);
                        expected += 1;
                    }
                }
            }
        }
        // date -u -d 2000-02-29 +%s, and the last second of 9999.
        assert_eq!(Day::new(2000, 2, 29).unwrap().begins(), Timestamp(951_782_400_000));
        assert_eq!(Day::new(9999, 12, 31).unwrap().is_over(), Timestamp(253_402_300_800_000));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        let wrong = [(2026, 2, 29), (1900, 2, 29), (2026, 0, 1), (2026, 13, 1), (2026, 4, 31), (2026, 1, 0)];
        for (y, m, d) in wrong {
            assert!(Day::new(y, m, d).is_none(), "{y}-{m}-{d}");
        }
        assert!(Day::new(1969, 12, 31).is_none());
    }
}
