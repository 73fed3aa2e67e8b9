//! What a verdict says of the files that the twins built.

use std::fs;
use std::time::UNIX_EPOCH;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use twinbuild_archive::{Archive, MemberKind, Modified};
use twinbuild_rebuild::Artifact;
use twinbuild_source::SourceTree;
use twinbuild_subject::Sha256;
use twinbuild_verdict::Verdict;

use crate::JudgeError;

/// How far ahead of UTC the local time of the first and of the second twin may be, and 2 seconds, the step of times in zip files.
const AHEAD: [SignedDuration; 2] = [SignedDuration::from_secs(2), SignedDuration::from_secs(14 * 60 * 60 + 2)];

/// Writes into the records of both twins what of their files is the same whenever the same build runs. A file whose members have
/// the time of the build has another digest each time: only `run` has that.
pub(crate) fn record_contents(
    verdict: &mut Verdict,
    archives: &[Archive; 2],
    artifacts: [&Artifact; 2],
    source: &SourceTree,
) -> Result<(), JudgeError> {
    let epoch = verdict.recipe.as_ref().and_then(|recipe| recipe.recipe.source_date_epoch).unwrap_or(0);
    let newest = newest(source)?.max(epoch);
    for (index, rebuild) in verdict.rebuilds.iter_mut().enumerate().take(archives.len()) {
        let Some(record) = &mut rebuild.artifact else { continue };
        let is_of_build = archives[index].members.iter().any(|member| is_later(&member.modified, newest, AHEAD[index]));
        record.members = Some(members_digest(&archives[index]));
        record.digests = (!is_of_build).then(|| artifacts[index].sha256.into());
    }
    Ok(())
}

/// The time of the newest file of the source, in seconds since 1970-01-01 UTC. Folders get their times anew where an archive does
/// not list them.
fn newest(source: &SourceTree) -> Result<i64, JudgeError> {
    let failed = |error: walkdir::Error| JudgeError::io("looking at the source")(error.into());
    let mut newest = 0;
    for entry in walkdir::WalkDir::new(source.folder()) {
        let entry = entry.map_err(failed)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let modified = fs::symlink_metadata(entry.path()).and_then(|metadata| metadata.modified());
        let modified = modified.map_err(JudgeError::io("looking at the source"))?;
        let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        newest = newest.max(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
    Ok(newest)
}

/// Whether a time is later than `newest` seconds since 1970-01-01 UTC, and by more than a time zone can explain.
fn is_later(modified: &Modified, newest: i64, ahead: SignedDuration) -> bool {
    let limit = newest.saturating_add(ahead.as_secs());
    let limit_civil =
        Timestamp::from_second(limit).map_or(DateTime::MAX, |time| time.to_zoned(TimeZone::UTC).datetime());
    let is_extra_later = match modified {
        Modified::Dos { unix_seconds, .. } => unix_seconds.is_some_and(|seconds| i64::from(seconds) > limit),
        Modified::Unix { seconds, .. } => *seconds > limit,
        Modified::None => false,
    };
    is_extra_later || modified.civil().is_some_and(|civil| civil > limit_civil)
}

/// The digest over names, kinds and contents, whatever the order and the times.
pub(crate) fn members_digest(archive: &Archive) -> Sha256 {
    let mut lines: Vec<Vec<u8>> = archive
        .members
        .iter()
        .map(|member| {
            let content = member.sha256.map(|sha256| sha256.to_string()).unwrap_or_default();
            let what = match member.kind {
                MemberKind::File => content,
                MemberKind::Directory => "directory".to_owned(),
                MemberKind::Symlink { .. } => format!("symlink {content}"),
                MemberKind::Hardlink { .. } => "hardlink".to_owned(),
            };
            [what.as_bytes(), b" ", member.path.as_bytes(), b"\n"].concat()
        })
        .collect();
    lines.sort();
    Sha256::of(&lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dos(date: u16, time: u16) -> Modified {
        Modified::Dos { date, time, unix_seconds: None, ntfs_ticks: None }
    }

    #[test]
    fn only_what_is_later_than_all_inputs_is_of_the_build() {
        // 2020-02-02T00:00:00Z
        let (newest, date) = (1_580_601_600, (40 << 9) | (2 << 5) | 2);
        assert!(!is_later(&dos(date, 0), newest, AHEAD[0]));
        assert!(!is_later(&dos(date - 1, 0), newest, AHEAD[0]));
        assert!(is_later(&dos(date, 2), newest, AHEAD[0]));
        assert!(!is_later(&dos(date, 13 << 11), newest, AHEAD[1]));
        assert!(is_later(&dos(date + 1, 0), newest, AHEAD[1]));
        let extra = Modified::Dos { date, time: 0, unix_seconds: Some(1_580_601_700), ntfs_ticks: None };
        assert!(is_later(&extra, newest, AHEAD[0]));
    }
}
