//! What a wheel says about its own making.

use jiff::civil::DateTime;
use twinbuild_subject::{MemberPath, WheelFileName};

use crate::{Generator, parse_headers};

/// What is learned from a published wheel: typed and bounded values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelEvidence {
    /// The tool that wrote the wheel; `Err` holds what `Generator:` says where it is no tool that is known here.
    pub generator: Result<Generator, String>,
    /// The times of its members.
    pub times: MemberTimes,
}

/// The modification times of an archive's members; without a zone, as zip files have them, and in UTC of a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberTimes {
    /// No member has a valid time.
    None,
    /// All members have this one.
    Uniform(DateTime),
    /// They differ; this is the newest.
    Newest(DateTime),
}

/// Why a wheel says nothing about its making.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// There is no `*.dist-info/WHEEL` at the top, or more than one.
    #[error("the archive has {found} files named *.dist-info/WHEEL at its top, and a wheel has exactly one")]
    WheelFile {
        /// How many there are.
        found: usize,
    },
    /// The metadata folder is not the one that the file name implies.
    #[error("the metadata folder is {found}, and the file name implies {expected}")]
    DistInfo {
        /// The folder in the archive.
        found: MemberPath,
        /// The folder by the file name.
        expected: String,
    },
    /// `WHEEL` is not UTF-8.
    #[error("{path} is not UTF-8 text")]
    NotText {
        /// The member.
        path: MemberPath,
    },
}

impl WheelEvidence {
    /// The index of the member that holds the evidence, among `paths`.
    ///
    /// # Errors
    /// When there is no such member, several, or when it stands in another folder than the file name implies.
    pub fn wheel_file<'a>(
        file_name: &WheelFileName,
        paths: impl IntoIterator<Item = &'a MemberPath>,
    ) -> Result<usize, EvidenceError> {
        let is_wheel_file = |path: &MemberPath| {
            path.ends_with(".dist-info/WHEEL") && path.as_bytes().iter().filter(|b| **b == b'/').count() == 1
        };
        let found: Vec<_> = paths.into_iter().enumerate().filter(|(_, path)| is_wheel_file(path)).collect();
        let [(index, path)] = found.as_slice() else { return Err(EvidenceError::WheelFile { found: found.len() }) };
        let folder = MemberPath::new(path.as_bytes().strip_suffix(b"/WHEEL").unwrap_or_default());
        // Old tools escaped names less strictly than the standard of today, so the comparison is of normalized names.
        let expected = file_name.dist_info();
        let normal = |text: &str| text.to_ascii_lowercase().replace(['-', '.'], "_");
        if folder.as_str().map(normal) != Some(normal(&expected)) {
            return Err(EvidenceError::DistInfo { found: folder, expected });
        }
        Ok(*index)
    }

    /// Reads the content of the `WHEEL` member, `path`, and the members' times.
    ///
    /// # Errors
    /// When `content` is not UTF-8.
    pub fn read(
        path: &MemberPath,
        content: &[u8],
        times: impl IntoIterator<Item = Option<DateTime>>,
    ) -> Result<Self, EvidenceError> {
        let text = std::str::from_utf8(content).map_err(|_| EvidenceError::NotText { path: path.clone() })?;
        let (headers, _) = parse_headers(text);
        let generator = headers.iter().find(|header| header.name.eq_ignore_ascii_case("generator"));
        let value = generator.map_or_else(String::new, |header| header.value.chars().take(100).collect());
        Ok(Self { generator: Generator::parse(&value).ok_or(value), times: MemberTimes::of(times) })
    }
}

impl MemberTimes {
    /// The times of some members, of which some may have none.
    pub(crate) fn of(times: impl IntoIterator<Item = Option<DateTime>>) -> Self {
        let known: Vec<DateTime> = times.into_iter().flatten().collect();
        match (known.iter().min(), known.iter().max()) {
            (Some(oldest), Some(newest)) if oldest == newest => Self::Uniform(*newest),
            (_, Some(newest)) => Self::Newest(*newest),
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_name() -> WheelFileName {
        "six-1.16.0-py2.py3-none-any.whl".parse().unwrap()
    }

    #[test]
    fn the_wheel_file_is_the_one_at_the_top() {
        let paths = ["six.py", "x/six-1.16.0.dist-info/WHEEL", "six-1.16.0.dist-info/WHEEL"].map(MemberPath::from);
        assert_eq!(WheelEvidence::wheel_file(&file_name(), &paths), Ok(2));
    }

    #[test]
    fn a_foreign_or_missing_metadata_folder_is_refused() {
        let none = WheelEvidence::wheel_file(&file_name(), &[MemberPath::from("six.py")]);
        assert_eq!(none, Err(EvidenceError::WheelFile { found: 0 }));
        let foreign = WheelEvidence::wheel_file(&file_name(), &[MemberPath::from("evil-1.dist-info/WHEEL")]);
        assert!(matches!(foreign, Err(EvidenceError::DistInfo { .. })));
    }

    #[test]
    fn unknown_generators_are_kept_for_the_message_only() {
        let path = MemberPath::from("six-1.16.0.dist-info/WHEEL");
        let evidence = WheelEvidence::read(&path, b"Wheel-Version: 1.0\nGenerator: maturin (1.0)\n", []).unwrap();
        assert_eq!(evidence.generator, Err("maturin (1.0)".to_owned()));
        assert_eq!(evidence.times, MemberTimes::None);
        // The reader of another tool hangs where the field is not among the first two.
        let late = WheelEvidence::read(&path, b"Wheel-Version: 1.0\nA: 1\nB: 2\nGenerator: flit 3.7.1\n", []).unwrap();
        assert_eq!(late.generator.unwrap().to_string(), "flit 3.7.1");
    }
}
