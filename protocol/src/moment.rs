//! Dates as people write them in the fields of records: a day, or a time in UTC.

use crate::agreement::Day;
use crate::ids::Timestamp;
use crate::value::Value;

/// A day or a time that a field names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A whole day, UTC.
    Day(Day),
    /// A time.
    Time(Timestamp),
}

impl Moment {
    /// Reads `2026-12-31`, or a time in UTC such as `2026-12-31T18:00Z` or `2026-12-31T18:00:05Z` (RFC 3339).
    #[must_use]
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        let (day, time) = match text.split_once('T') {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let mut parts = day.splitn(3, '-');
        let (year, month, date) = (parts.next()?, parts.next()?, parts.next()?);
        if (year.len(), month.len(), date.len()) != (4, 2, 2) {
            return None;
        }
        let day =
            Day::new(digits(year)?, u8::try_from(digits(month)?).ok()?, u8::try_from(digits(date)?).ok()?)?;
        match time {
            None => Some(Moment::Day(day)),
            Some(time) => Some(Moment::Time(Timestamp(day.begins().0 + since_midnight(time)?))),
        }
    }

    /// As a field's value: text, or milliseconds since 1970.
    #[must_use]
    pub fn of(value: &Value) -> Option<Moment> {
        match value {
            Value::Text(text) => Moment::parse(text),
            Value::Int(ms) => u64::try_from(*ms).ok().map(|ms| Moment::Time(Timestamp(ms))),
            _ => None,
        }
    }

    /// When it begins.
    #[must_use]
    pub fn begins(self) -> Timestamp {
        match self {
            Moment::Day(day) => day.begins(),
            Moment::Time(time) => time,
        }
    }

    /// When it is past: a day is when it is over, UTC.
    #[must_use]
    pub fn is_over(self) -> Timestamp {
        match self {
            Moment::Day(day) => day.is_over(),
            Moment::Time(time) => time,
        }
    }
}

/// Milliseconds of `18:00Z`, `18:00:05Z` or `18:00:05.250Z`.
fn since_midnight(time: &str) -> Option<u64> {
    let time = time.strip_suffix(['Z', 'z'])?;
    let mut parts = time.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() || hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let ms = match seconds {
        None => 0,
        Some(seconds) => {
            let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let part: String = part.chars().chain("00".chars()).take(3).collect();
            let whole = Some(whole).filter(|w| w.len() == 2).and_then(digits).filter(|s| *s < 60)?;
            u64::from(whole) * 1000 + u64::from(digits(&part)?)
        }
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some((u64::from(hours) * 60 + u64::from(minutes)) * 60_000 + ms)
}

fn digits(text: &str) -> Option<u16> {
    let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_is_past_when_it_is_over_and_a_time_at_once() {
        let day = Moment::parse("2000-02-29").unwrap();
        assert_eq!(day.begins(), Timestamp(951_782_400_000));
        assert_eq!(day.is_over(), Timestamp(951_782_400_000 + Timestamp::DAY));
        let time = Moment::parse("2000-02-29T18:00:05.25Z").unwrap();
        assert_eq!(time.begins(), Timestamp(951_782_400_000 + 18 * 3_600_000 + 5_250));
        assert_eq!(time.begins(), time.is_over());
        assert_eq!(Moment::parse("2000-02-29T00:00Z").unwrap().begins(), day.begins());
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026",
            "2026-1-1",
            "2026-02-30",
            "31.12.2026",
            "2026-12-31T",
            "2026-12-31T24:00Z",
            "2026-12-31T18:00",
            "2026-12-31T18:00:61Z",
            "+026-12-31",
            "2026-12-31T1:00Z",
            "2026-12-31T18:00:00:00Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        assert_eq!(Moment::of(&Value::Int(-1)), None);
        assert_eq!(Moment::of(&Value::Bool(true)), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = Moment::parse(&text);
        }
    }
}
