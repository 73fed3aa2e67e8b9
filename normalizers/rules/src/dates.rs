//! Whether numbers are a date.

/// Whether these are a month, day, hour, minute and second of some year, a leap second included.
pub(crate) fn is_date(month: u8, day: u8, hour: u8, minute: u8, second: u8) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day) && hour <= 23 && minute <= 59 && second <= 60
}
