//! How much a publisher could say in the parameters of a member.

use crate::fields::{Compressed, DosTime, Extra};
use crate::zip_parameters::{Values, ZipParameters};

/// More of them in a member than this are worth a warning, `parameter-channel` (law 7).
pub const FREE_BYTES_ALLOWED: u64 = 8;

/// All that is enumerated: creator, version needed, flags, descriptor, mode, encoder, forms of extra fields. Fewer than
/// 16 bits tell all their combinations in real use apart.
const SETTINGS_BYTES: u64 = 2;
/// A Unix time that is the DOS time in some time zone: which zone, and the odd second.
const ZONE_BYTES: u64 = 1;
/// Between 1601-01-01 and 1970-01-01, in seconds.
const NTFS_EPOCH: i64 = 11_644_473_600;
const TICKS: u64 = 10_000_000;

impl ZipParameters {
    /// How many bytes the member at `index`, counted in the order of the file, could carry beyond what follows from its
    /// other values or from the member before it: DOS time 4, each Unix time 4, each NTFS time 8, all enumerated values
    /// together 2, its place in the order as many as count the members. A time that agrees with one that was counted costs
    /// nothing, or 1 for the time zone, and compressed bytes that are as built cost nothing. The order of `RECORD` has less than 3 bytes for each of its lines and is not counted.
    #[must_use]
    pub fn free_bytes(&self, index: usize) -> u64 {
        let mut values = self.values().skip(index.saturating_sub(1));
        let before = if index == 0 { None } else { values.next() };
        let Some(member) = values.next() else { return 0 };
        self.cost(index, before.as_ref(), &member)
    }

    /// [`Self::free_bytes`] of all members, in the order of the file.
    #[must_use]
    pub fn free_bytes_of_all(&self) -> Vec<u64> {
        let mut before: Option<Values> = None;
        let members = self.values().enumerate().map(|(index, member)| {
            let cost = self.cost(index, before.as_ref(), &member);
            before = Some(member);
            cost
        });
        members.collect()
    }

    fn cost(&self, index: usize, before: Option<&Values>, member: &Values) -> u64 {
        let mut bytes = 0;
        if before.is_none_or(|before| settings(before, before.compressed) != settings(member, before.compressed)) {
            bytes += SETTINGS_BYTES;
        }
        if !self.order.continues_at(index) && index > 0 {
            bytes += u64::from(32 - self.members.leading_zeros()).div_ceil(8);
        }
        let mut known = Known::default();
        if before.map(|before| before.modified) == Some(member.modified) {
            known.dos = Some(member.modified);
        } else {
            bytes += known.dos(member.modified);
        }
        let earlier: Vec<&Extra> =
            before.map(|before| before.local_extra.iter().chain(&before.central_extra).collect()).unwrap_or_default();
        for field in member.local_extra.iter().chain(&member.central_extra) {
            let cost = known.extra(field);
            if !earlier.contains(&field) {
                bytes += cost;
            }
        }
        bytes
    }
}

/// The values that are enumerated. Bytes that are copied from the rebuild say nothing, whatever the member `before` has.
fn settings(values: &Values, before: Compressed) -> Values {
    let plain = |extra: &[Extra]| extra.iter().map(without_times).collect();
    Values {
        modified: DosTime { date: 0, time: 0 },
        compressed: if values.compressed == Compressed::AsBuilt { before } else { values.compressed },
        local_extra: plain(&values.local_extra),
        central_extra: plain(&values.central_extra),
        ..values.clone()
    }
}

fn without_times(extra: &Extra) -> Extra {
    match *extra {
        Extra::Zip64(form) => Extra::Zip64(form),
        Extra::Timestamp { flags, modified, accessed, created } => {
            let plain = |time: Option<i32>| time.map(|_| 0);
            Extra::Timestamp { flags, modified: plain(modified), accessed: plain(accessed), created: plain(created) }
        }
        Extra::Ntfs { .. } => Extra::Ntfs { modified: 0, accessed: 0, created: 0 },
    }
}

/// The times of a member that were counted already.
#[derive(Default)]
struct Known {
    dos: Option<DosTime>,
    unix: Vec<i64>,
    ticks: Vec<u64>,
}

impl Known {
    fn dos(&mut self, time: DosTime) -> u64 {
        self.dos = Some(time);
        4
    }

    fn extra(&mut self, field: &Extra) -> u64 {
        match *field {
            Extra::Zip64(_) => 0,
            Extra::Timestamp { modified, accessed, created, .. } => {
                [modified, accessed, created].into_iter().flatten().map(|time| self.unix(time.into(), 4)).sum()
            }
            Extra::Ntfs { modified, accessed, created } => {
                [modified, accessed, created].into_iter().map(|ticks| self.ntfs(ticks)).sum()
            }
        }
    }

    fn unix(&mut self, seconds: i64, full: u64) -> u64 {
        if self.unix.contains(&seconds) {
            return 0;
        }
        let in_some_zone = self.dos.and_then(dos_seconds).is_some_and(|local| {
            let zone = local - seconds;
            // Zones are quarters of an hour, at most 15 hours off; DOS seconds are even, rounded down or up.
            (-54_000..=54_001).contains(&zone) && [0, 1, 899].contains(&zone.rem_euclid(900))
        });
        self.unix.push(seconds);
        if in_some_zone { ZONE_BYTES } else { full }
    }

    fn ntfs(&mut self, ticks: u64) -> u64 {
        if self.ticks.contains(&ticks) {
            return 0;
        }
        self.ticks.push(ticks);
        let whole = i64::try_from(ticks / TICKS).unwrap_or(i64::MAX);
        // The fraction of a second has 10 000 000 values: 3 bytes, where it is not zero.
        let fraction = if ticks.is_multiple_of(TICKS) { 0 } else { 3 };
        self.unix(whole.saturating_sub(NTFS_EPOCH), 5) + fraction
    }
}

/// The DOS time as if it were UTC, in seconds since 1970-01-01; `None` for a date that does not exist in any month.
fn dos_seconds(DosTime { date, time }: DosTime) -> Option<i64> {
    let [day, month, year] = [date & 0x1f, (date >> 5) & 0xf, (date >> 9) + 1980].map(i64::from);
    let [half_seconds, minute, hour] = [time & 0x1f, (time >> 5) & 0x3f, time >> 11].map(i64::from);
    if !(1..=31).contains(&day) || !(1..=12).contains(&month) || hour > 23 || minute > 59 || half_seconds > 29 {
        return None;
    }
    // Days from the civil date, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + half_seconds * 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: DosTime = DosTime { date: (44 << 9) | (2 << 5) | 29, time: (13 << 11) | (37 << 5) | 21 };

    #[test]
    fn dos_times_are_seconds() {
        assert_eq!(dos_seconds(DosTime { date: 0x21, time: 0 }), Some(315_532_800));
        assert_eq!(dos_seconds(DATE), Some(1_709_213_862));
        assert_eq!(dos_seconds(DosTime { date: 0, time: 0 }), None);
    }

    #[test]
    fn times_that_agree_cost_little() {
        let mut known = Known::default();
        assert_eq!(known.dos(DATE), 4);
        assert_eq!(known.unix(1_709_213_862 - 7_200, 4), 1);
        assert_eq!(known.unix(1_709_213_862 - 7_200, 4), 0);
        assert_eq!(known.unix(1_709_213_862 - 7_000, 4), 4);
        assert_eq!(known.ntfs(u64::try_from(1_709_213_862 - 7_200 + NTFS_EPOCH).unwrap() * TICKS), 0);
        assert_eq!(known.ntfs(1), 8);
    }
}
