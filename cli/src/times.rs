//! Dates as the person at the screen has them: local time zone, `2026-11-23 14:05`.

use entente_protocol::ids::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp as Instant};

/// A moment in the local time zone, to the minute.
#[must_use]
pub fn local(moment: Timestamp) -> String {
    in_zone(moment, &TimeZone::system())
}

/// The same where there may be none.
#[must_use]
pub fn local_or(moment: Option<Timestamp>, otherwise: &str) -> String {
    moment.map_or_else(|| otherwise.to_owned(), local)
}

/// The day of a moment in the local time zone.
#[must_use]
pub fn day(moment: Timestamp) -> String {
    local(moment).split(' ').next().unwrap_or_default().to_owned()
}

fn in_zone(moment: Timestamp, zone: &TimeZone) -> String {
    // Partners' clocks are wrong by years, and their numbers may be no date at all.
    i64::try_from(moment.0).ok().and_then(|ms| Instant::from_millisecond(ms).ok()).map_or_else(
        || "no date".to_owned(),
        |instant| instant.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

/// Reads `--since`: `2026-11-01` (local midnight), `7d`, `12h`, `2w` (ago), or RFC 3339. Milliseconds since
/// 1970.
///
/// # Errors
/// What would have been understood.
pub fn parse_since(text: &str) -> Result<u64, String> {
    since(text, Instant::now(), &TimeZone::system())
}

fn since(text: &str, now: Instant, zone: &TimeZone) -> Result<u64, String> {
    let instant = ago(text, now)
        .or_else(|| text.parse::<Instant>().ok())
        .or_else(|| {
            let day: Date = text.parse().ok()?;
            zone.to_timestamp(day.at(0, 0, 0, 0)).ok()
        })
        .ok_or("use a day (2026-11-01), a time ago (7d, 12h, 2w) or RFC 3339 (2026-11-01T09:00:00Z)")?;
    Ok(u64::try_from(instant.as_millisecond()).unwrap_or(0))
}

fn ago(text: &str, now: Instant) -> Option<Instant> {
    let hours_of_one = match text.chars().last()? {
        'h' => 1,
        'd' => 24,
        'w' => 7 * 24,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let count: i64 = digits.parse().ok()?;
    let seconds = count.checked_mul(hours_of_one)?.checked_mul(3600)?;
    now.checked_sub(SignedDuration::from_secs(seconds)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tbilisi() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(4))
    }

    #[test]
    fn moments_are_shown_in_the_zone_of_the_person() {
        assert_eq!(in_zone(Timestamp(1_795_442_700_000), &TimeZone::UTC), "2026-11-23 14:05");
        assert_eq!(in_zone(Timestamp(1_795_442_700_000), &tbilisi()), "2026-11-23 18:05");
        assert_eq!(in_zone(Timestamp(u64::MAX), &TimeZone::UTC), "no date");
    }

    #[test]
    fn since_understands_days_times_ago_and_rfc_3339() {
        let now = Instant::from_millisecond(1_795_442_700_000).unwrap();
        let day = 86_400_000;
        assert_eq!(since("7d", now, &tbilisi()), Ok(1_795_442_700_000 - 7 * day));
        assert_eq!(since("2w", now, &tbilisi()), Ok(1_795_442_700_000 - 14 * day));
        assert_eq!(since("36h", now, &tbilisi()), Ok(1_795_442_700_000 - day - day / 2));
        assert_eq!(since("2026-11-23T14:05:00Z", now, &tbilisi()), Ok(1_795_442_700_000));
        assert_eq!(since("2026-11-23", now, &tbilisi()), Ok(1_795_377_600_000));
        for wrong in ["", "d", "7", "-7d", "yesterday", "2026-13-01", "7dd", "٧d", "99999999999999999d"] {
            assert!(since(wrong, now, &tbilisi()).is_err(), "{wrong}");
        }
    }
}
