//! What a wheel says about its own making.

use jiff::civil::DateTime;
use twinbuild_subject::{MemberPath, WheelFileName};

use crate::{Dialect, Generator, parse_headers};

/// What is learned from a published wheel: typed and bounded values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelEvidence {
    /// The tool that wrote the wheel; `Err` holds what `Generator:` says where it is no tool that is known here.
    pub generator: Result<Generator, String>,
    /// The times of its members.
    pub times: MemberTimes,
    /// How its metadata is written, where it has any.
    pub dialect: Option<Dialect>,
    /// The interpreter that is named by a member `..-py3.9-nspkg.pth`, or by an entry point such as `pip3.9`: major and minor
    /// number.
    pub named_python: Option<(u32, u32)>,
    /// What its members' modes and line endings tell of the machine.
    pub machine: Machine,
}

/// What the members of a wheel tell of the machine that it was built on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Machine {
    /// Nothing unusual.
    #[default]
    Usual,
    /// Files that were copied may be written by anybody, and those that were made may not: the source was checked out under a umask of 0.
    OpenCheckout,
    /// Files that anybody may write, also among those that were made: its umask was 0.
    NoUmask,
    /// No Unix wrote it, and its modes or its line endings are those of Windows.
    Windows,
}

/// The members of a wheel that tell how it was made.
#[derive(Debug, Clone, Copy)]
pub struct WheelContents<'a> {
    /// The path of the `WHEEL` file.
    pub path: &'a MemberPath,
    /// Its content.
    pub wheel: &'a [u8],
    /// The content of `METADATA` beside it.
    pub metadata: Option<&'a [u8]>,
    /// The content of `entry_points.txt` beside it.
    pub entry_points: Option<&'a [u8]>,
}

/// What is looked at of each member.
#[derive(Debug, Clone, Copy)]
pub struct MemberFacts<'a> {
    /// Its name.
    pub path: &'a MemberPath,
    /// When it was modified.
    pub time: Option<DateTime>,
    /// Its permission bits, where it has any.
    pub mode: Option<u32>,
    /// Whether a Unix wrote it.
    pub is_unix: bool,
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

    /// Reads what a wheel says of its making.
    ///
    /// # Errors
    /// When `WHEEL` is not UTF-8.
    pub fn read(contents: &WheelContents<'_>, members: &[MemberFacts<'_>]) -> Result<Self, EvidenceError> {
        let WheelContents { path, wheel, metadata, entry_points } = *contents;
        let text = std::str::from_utf8(wheel).map_err(|_| EvidenceError::NotText { path: path.clone() })?;
        let (headers, _) = parse_headers(text);
        let generator = headers.iter().find(|header| header.name.eq_ignore_ascii_case("generator"));
        let value = generator.map_or_else(String::new, |header| header.value.chars().take(100).collect());
        let folder = path.as_bytes().strip_suffix(b"WHEEL").unwrap_or_default();
        let has_licenses = members.iter().any(|member| is_license(member.path, folder));
        let has_windows_lines = [Some(wheel), metadata]
            .into_iter()
            .flatten()
            .any(|content| content.split(|byte| *byte == b'\n').next().is_some_and(|line| line.ends_with(b"\r")));
        Ok(Self {
            generator: Generator::parse(&value).ok_or(value),
            times: MemberTimes::of(members.iter().map(|member| member.time)),
            dialect: metadata.map(|metadata| Dialect::read(metadata, entry_points, has_licenses)),
            named_python: members
                .iter()
                .find_map(|member| path_file_python(member.path))
                .or_else(|| entry_points.and_then(entry_point_python)),
            machine: Machine::of(members, has_windows_lines),
        })
    }
}

/// Whether a member is a file of a licence or of authors that `bdist_wheel` puts beside the metadata.
fn is_license(path: &MemberPath, folder: &[u8]) -> bool {
    const NAMES: [&[u8]; 5] = [b"LICENSE", b"LICENCE", b"COPYING", b"NOTICE", b"AUTHORS"];
    let name = path.as_bytes().strip_prefix(folder);
    name.is_some_and(|name| NAMES.iter().any(|known| name.starts_with(known)))
}

/// The version in a name such as `x-1.0-py3.9-nspkg.pth`.
fn path_file_python(path: &MemberPath) -> Option<(u32, u32)> {
    let name = path.as_str()?.strip_suffix("-nspkg.pth")?;
    let (major, minor) = name.rsplit_once("-py")?.1.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The version at the end of the name of an entry point, such as `pip3.9` or `easy_install-3.9`.
fn entry_point_python(entry_points: &[u8]) -> Option<(u32, u32)> {
    let text = String::from_utf8_lossy(entry_points);
    let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim());
    let version = |name: &str| {
        let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let minor = &name[rest.len()..];
        let major =
            rest.strip_suffix('.')?.chars().next_back()?.to_digit(10).filter(|major| (2..=3).contains(major))?;
        Some((major, minor.parse().ok()?))
    };
    names.into_iter().find_map(version)
}

impl Machine {
    fn of(members: &[MemberFacts<'_>], has_windows_lines: bool) -> Self {
        const BY_OTHERS: u32 = 0o002;
        let is_open = |member: &&MemberFacts<'_>| member.mode.is_some_and(|mode| mode & BY_OTHERS != 0);
        let is_any_open = members.iter().any(|member| is_open(&member));
        let is_no_unix = !members.is_empty() && members.iter().all(|member| !member.is_unix);
        let is_made = |member: &&MemberFacts<'_>| member.path.ends_with(".dist-info/METADATA");
        let is_made_open = members.iter().find(is_made).is_none_or(|member| is_open(&member));
        match (is_no_unix, is_any_open || has_windows_lines) {
            (true, true) => Self::Windows,
            (false, true) if is_any_open && is_made_open => Self::NoUmask,
            (false, true) if is_any_open => Self::OpenCheckout,
            _ => Self::Usual,
        }
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
        let read = |wheel: &[u8]| {
            let contents = WheelContents { path: &path, wheel, metadata: None, entry_points: None };
            WheelEvidence::read(&contents, &[]).unwrap()
        };
        let evidence = read(b"Wheel-Version: 1.0\nGenerator: maturin (1.0)\n");
        assert_eq!(evidence.generator, Err("maturin (1.0)".to_owned()));
        assert_eq!(evidence.times, MemberTimes::None);
        // The reader of another tool hangs where the field is not among the first two.
        let late = read(b"Wheel-Version: 1.0\nA: 1\nB: 2\nGenerator: flit 3.7.1\n");
        assert_eq!(late.generator.unwrap().to_string(), "flit 3.7.1");
    }

    #[test]
    fn members_tell_of_the_machine_and_of_the_interpreter() {
        let path = MemberPath::from("x-1.dist-info/WHEEL");
        let read = |wheel: &[u8], members: &[(&str, u32, bool)]| {
            let paths: Vec<_> = members.iter().map(|(path, ..)| MemberPath::from(*path)).collect();
            let facts = paths.iter().zip(members).map(|(path, (_, mode, is_unix))| MemberFacts {
                path,
                time: None,
                mode: Some(*mode),
                is_unix: *is_unix,
            });
            let contents = WheelContents { path: &path, wheel, metadata: None, entry_points: None };
            WheelEvidence::read(&contents, &facts.collect::<Vec<_>>()).unwrap()
        };
        let generator = b"Generator: bdist_wheel (0.36.2)\n";
        assert_eq!(read(generator, &[("x.py", 0o644, true)]).machine, Machine::Usual);
        assert_eq!(read(generator, &[("x.py", 0o644, false)]).machine, Machine::Usual);
        assert_eq!(read(generator, &[("x.py", 0o666, true), ("y.py", 0o644, true)]).machine, Machine::NoUmask);
        let made = ("x-1.dist-info/METADATA", 0o644, true);
        assert_eq!(read(generator, &[("x.txt", 0o666, true), made]).machine, Machine::OpenCheckout);
        assert_eq!(read(generator, &[("x.py", 0o666, false)]).machine, Machine::Windows);
        let windows = b"Generator: bdist_wheel (0.36.2)\r\n";
        assert_eq!(read(windows, &[("x.py", 0o644, false)]).machine, Machine::Windows);
        for (name, python) in [
            ("x-1-py3.9-nspkg.pth", Some((3, 9))),
            ("x-1-py2.7-nspkg.pth", Some((2, 7))),
            ("x-1-nspkg.pth", None),
            ("x-1-py3.9; import os-nspkg.pth", None),
        ] {
            assert_eq!(read(generator, &[(name, 0o644, true)]).named_python, python, "{name}");
        }
        for (entry_points, python) in [
            ("[console_scripts]\npip = a:b\npip3 = a:b\npip3.9 = a:b\n", Some((3, 9))),
            ("[console_scripts]\neasy_install-2.7 = a:b", Some((2, 7))),
            ("[console_scripts]\nx.7 = a:b\nv1.2 = a:b\n= 3.9\n", None),
        ] {
            assert_eq!(entry_point_python(entry_points.as_bytes()), python, "{entry_points}");
        }
    }
}
