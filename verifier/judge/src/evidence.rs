//! Evidence from archives.

use jiff::civil::DateTime;
use twinbuild_archive::{Archive, Modified, ReadAt, ReadError, contents};
use twinbuild_recipe::{EvidenceError, WheelEvidence};
use twinbuild_subject::WheelFileName;

/// `WHEEL` files are a few lines.
const WHEEL_FILE_LIMIT_BYTES: u64 = 1 << 20;

/// Why a wheel gave no evidence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoEvidence {
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What the wheel says of its own making.
pub(crate) fn wheel_evidence(
    name: &WheelFileName,
    archive: &Archive,
    bytes: &dyn ReadAt,
) -> Result<WheelEvidence, NoEvidence> {
    let index = WheelEvidence::wheel_file(name, archive.members.iter().map(|member| &member.path))?;
    let content = contents(bytes, archive, index, WHEEL_FILE_LIMIT_BYTES)?;
    let times = archive.members.iter().map(|member| civil(member.modified));
    Ok(WheelEvidence::read(&archive.members[index].path, &content, times)?)
}

/// A zip member's time as the calendar has it; `None` for dates that do not exist, and in other formats.
fn civil(modified: Modified) -> Option<DateTime> {
    let Modified::Dos { date, time, .. } = modified else { return None };
    let part = |value: u16, shift: u32, mask: u16| i8::try_from(value >> shift & mask).ok();
    let year = i16::try_from(date >> 9).ok()? + 1980;
    let (month, day) = (part(date, 5, 15)?, part(date, 0, 31)?);
    let (hour, minute, second) = (part(time, 11, 31)?, part(time, 5, 63)?, part(time, 0, 31)? * 2);
    DateTime::new(year, month, day, hour, minute, second.min(59), 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times_are_calendar_times() {
        let dos = |date, time| civil(Modified::Dos { date, time, unix_seconds: None, ntfs_ticks: None });
        let expected: DateTime = "2020-02-02T00:00:00".parse().unwrap();
        assert_eq!(dos((40 << 9) | (2 << 5) | 2, 0), Some(expected));
        assert_eq!(dos(0, 0), None);
    }
}
