//! Requirements that are published as sdists only.
//!
//! The resolver takes wheels only, as it would run code of packages on this host to learn what an sdist requires. Where it
//! finds no solution, the requirements are followed here, through the metadata of wheels, to the first project that has no
//! wheel for the interpreter. Its sdist can then be built in a sandbox, and the resolver gets the wheel of that.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;
use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, VersionOrUrl};
use twinbuild_archive::{ArchiveFile, Format, Limits, contents, read};
use twinbuild_recipe::{LockedRequirement, Recipe, check_requirement, parse_headers};
use twinbuild_registry::{Project, ProjectFile, Pypi, RegistryError};
use twinbuild_store::Blob;
use twinbuild_subject::{DistributionFileName, PackageName, SdistFileName, SdistFormat, Sha256, WheelFileName};

use crate::environment_lock::{FileKind, LockedFile, Origin};
use crate::{Environment, EnvironmentError};

/// How many projects are looked at.
const MOST_PROJECTS: usize = 200;
/// The largest `METADATA`: those with a long description have some hundred KiB.
const METADATA_LIMIT_BYTES: u64 = 8 << 20;

/// An sdist to be built before what requires it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistRequirement {
    /// The project.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its name, as this program reads it.
    pub file_name: SdistFileName,
    /// Where the index has it, with its digest.
    pub file: ProjectFile,
    /// When it was uploaded: before the cut-off.
    pub uploaded: Timestamp,
}

/// A wheel that was built from an sdist requirement. The store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltRequirement {
    /// The wheel, with the digest of the sdist.
    pub requirement: LockedRequirement,
    /// The sdist, the recipe, and the wheels that it was built with.
    pub origins: Vec<LockedFile>,
}

impl BuiltRequirement {
    /// The wheel `file_name` with the digest `sha256`, built from `sdist` by `recipe` on `environment`.
    #[must_use]
    pub fn new(
        sdist: &SdistRequirement,
        recipe: &Recipe,
        environment: &Environment,
        file_name: String,
        sha256: Sha256,
    ) -> Self {
        let sdist_sha256 = sdist.file.sha256;
        let file = |kind, sha256, size_bytes, origin| LockedFile {
            kind,
            name: sdist.name.to_string(),
            version: sdist.version.to_string(),
            architecture: None,
            size_bytes,
            sha256,
            origin,
        };
        let origin = Origin::PythonIndex { project: sdist.name.clone(), file_name: sdist.file_name.text.clone() };
        let own = sdist_sha256.into_iter().flat_map(|sdist_sha256| {
            let built = Origin::Built { file_name: file_name.clone(), sdist: sdist_sha256 };
            [
                file(FileKind::RequirementSdist, sdist_sha256, sdist.file.size_bytes, origin.clone()),
                file(FileKind::RequirementRecipe, recipe.digest(), None, built),
            ]
        });
        let is_requirement = |file: &&LockedFile| match file.kind {
            FileKind::Requirement
            | FileKind::RequirementBuilt
            | FileKind::RequirementSdist
            | FileKind::RequirementRecipe => true,
            FileKind::DebianPackage | FileKind::HostInterpreter | FileKind::Tool => false,
        };
        let files = environment.lock().files.iter().filter(is_requirement).cloned();
        let origins = own.chain(files).collect();
        let requirement = LockedRequirement {
            name: sdist.name.clone(),
            version: sdist.version.to_string(),
            file_name,
            sha256,
            sdist_sha256,
        };
        Self { requirement, origins }
    }
}

/// The interpreter that requirements are for.
pub(crate) struct Target<'a> {
    /// Its version.
    pub(crate) version: (u32, u32, u32),
    /// Whether a wheel runs on it.
    pub(crate) fits: &'a dyn Fn(&WheelFileName) -> bool,
    /// Only files from before this time count.
    pub(crate) cutoff: Timestamp,
}

/// What is followed.
struct Followed {
    text: String,
    extras: Vec<ExtraName>,
}

/// The first project that `direct` leads to and that has sdists only, with its newest sdist in range, leaving out those
/// that were `built` already.
///
/// # Errors
/// When the index or a wheel cannot be read.
pub(crate) fn find(
    pypi: &Pypi,
    direct: &[String],
    target: &Target<'_>,
    built: &[BuiltRequirement],
) -> Result<Option<SdistRequirement>, EnvironmentError> {
    let Some(markers) = markers(target.version) else { return Ok(None) };
    let mut waiting: VecDeque<Followed> =
        direct.iter().map(|text| Followed { text: text.clone(), extras: Vec::new() }).collect();
    let mut seen = BTreeSet::new();
    while let Some(Followed { text, extras }) = waiting.pop_front() {
        // What is no requirement, or is one by address, is for the resolver to refuse.
        let Ok(requirement) = check_requirement("a requirement", &text) else { continue };
        let Ok(name) = requirement.name.as_ref().parse::<PackageName>() else { continue };
        if !requirement.evaluate_markers(&markers, &extras) || !seen.insert(name.clone()) || seen.len() > MOST_PROJECTS
        {
            continue;
        }
        let specifiers = match &requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.clone(),
            _ => VersionSpecifiers::empty(),
        };
        let wheel = match built.iter().find(|built| built.requirement.name == name) {
            Some(built) => pypi.store().blob(&built.requirement.sha256)?,
            None => {
                let project = match pypi.project(&name) {
                    Ok(project) => project,
                    Err(RegistryError::UnknownProject { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                match choose(&project, &specifiers, target) {
                    Choice::Wheel(file) => Some(pypi.download(file)?),
                    Choice::Sdist(sdist) => return Ok(Some(*sdist)),
                    Choice::Nothing => None,
                }
            }
        };
        let Some(wheel) = wheel else { continue };
        for text in requires(&wheel)? {
            waiting.push_back(Followed { text, extras: requirement.extras.clone() });
        }
    }
    Ok(None)
}

/// The sdist of one release of a project, if it has one that this version reads, from before the cut-off.
pub(crate) fn of_release(project: &Project, version: &Version, cutoff: Timestamp) -> Option<SdistRequirement> {
    let sdists = project.files.iter().filter(|file| file.file_name.version() == version);
    sdists.filter_map(|file| sdist(file, cutoff)).min_by(|a, b| a.file_name.text.cmp(&b.file_name.text))
}

/// The sdist of that digest, from before the cut-off.
pub(crate) fn of_digest(project: &Project, sha256: &Sha256, cutoff: Timestamp) -> Option<SdistRequirement> {
    project.find_by_digest(sha256).and_then(|file| sdist(file, cutoff))
}

enum Choice<'a> {
    Wheel(&'a ProjectFile),
    Sdist(Box<SdistRequirement>),
    Nothing,
}

/// The newest wheel in range that fits, else the newest sdist in range; final releases before others.
fn choose<'a>(project: &'a Project, specifiers: &VersionSpecifiers, target: &Target<'_>) -> Choice<'a> {
    let is_exact = specifiers.iter().any(|specifier| specifier.operator() == &pep440_rs::Operator::Equal);
    let python = version_text(target.version).parse::<Version>().ok();
    let is_candidate = |file: &&ProjectFile| {
        let is_early = file.upload_time.is_some_and(|time| time < target.cutoff);
        let for_python = file.requires_python.as_deref().and_then(|text| text.parse::<VersionSpecifiers>().ok());
        let is_for_python = for_python.is_none_or(|range| python.as_ref().is_some_and(|python| range.contains(python)));
        let is_in_range = specifiers.contains(file.file_name.version());
        is_early && is_for_python && is_in_range && (file.yanked.is_none() || is_exact)
    };
    let rank = |file: &&ProjectFile| (!file.file_name.version().any_prerelease(), file.file_name.version().clone());
    let candidates: Vec<&ProjectFile> = project.files.iter().filter(is_candidate).collect();
    let is_fit = |file: &&ProjectFile| match &file.file_name {
        DistributionFileName::Wheel(wheel) => (target.fits)(wheel),
        DistributionFileName::Sdist(_) => false,
    };
    if let Some(file) = candidates.iter().copied().filter(is_fit).max_by_key(rank) {
        return Choice::Wheel(file);
    }
    let newest = candidates.iter().copied().filter(|file| sdist(file, target.cutoff).is_some()).max_by_key(rank);
    let release = newest.and_then(|file| of_release(project, file.file_name.version(), target.cutoff));
    release.map_or(Choice::Nothing, |sdist| Choice::Sdist(Box::new(sdist)))
}

/// A file as an sdist requirement, if it is an sdist of a format that is read here and older than the cut-off.
fn sdist(file: &ProjectFile, cutoff: Timestamp) -> Option<SdistRequirement> {
    let DistributionFileName::Sdist(file_name) = &file.file_name else { return None };
    let uploaded = file.upload_time.filter(|time| *time < cutoff)?;
    let is_read = matches!(file_name.format, SdistFormat::TarGz | SdistFormat::Zip) && file.sha256.is_some();
    is_read.then(|| SdistRequirement {
        name: file_name.name.clone(),
        version: file_name.version.clone(),
        file_name: file_name.clone(),
        file: file.clone(),
        uploaded,
    })
}

/// What a wheel requires, as its own metadata says.
fn requires(wheel: &Blob) -> Result<Vec<String>, EnvironmentError> {
    let io_error = |source| EnvironmentError::Io { doing: format!("reading {}", wheel.path().display()), source };
    let file = ArchiveFile::new(wheel.file().try_clone().map_err(io_error)?).map_err(io_error)?;
    let unreadable = |source| EnvironmentError::Wheel { path: wheel.path().to_owned(), source };
    let archive = read(&file, Format::Zip, &Limits::default()).map_err(unreadable)?;
    let is_metadata = |path: &[u8]| {
        let mut parts = path.split(|byte| *byte == b'/');
        parts.next().is_some_and(|top| top.ends_with(b".dist-info")) && parts.next() == Some(b"METADATA")
    };
    let Some(at) = archive.members.iter().position(|member| is_metadata(member.path.as_bytes())) else {
        return Ok(Vec::new());
    };
    let content = contents(&file, &archive, at, METADATA_LIMIT_BYTES).map_err(unreadable)?;
    let text = String::from_utf8_lossy(&content);
    let (headers, _) = parse_headers(&text);
    let is_requirement = |name: &str| name.eq_ignore_ascii_case("Requires-Dist");
    Ok(headers.into_iter().filter(|header| is_requirement(&header.name)).map(|header| header.value).collect())
}

/// The values of environment markers for CPython of that version on this machine.
fn markers((major, minor, micro): (u32, u32, u32)) -> Option<MarkerEnvironment> {
    let full = version_text((major, minor, micro));
    MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: "posix",
        platform_machine: std::env::consts::ARCH,
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: &full,
        python_version: &format!("{major}.{minor}"),
        sys_platform: "linux",
    })
    .ok()
}

fn version_text((major, minor, micro): (u32, u32, u32)) -> String {
    format!("{major}.{minor}.{micro}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, uploaded: &str) -> ProjectFile {
        ProjectFile {
            file_name: name.parse().unwrap(),
            url: format!("https://files.example/{name}").parse().unwrap(),
            sha256: Some(Sha256::of(name.as_bytes())),
            size_bytes: None,
            upload_time: Some(format!("{uploaded}T00:00:00Z").parse().unwrap()),
            yanked: None,
            requires_python: None,
            core_metadata: None,
            provenance: None,
        }
    }

    fn project(files: &[(&str, &str)]) -> Project {
        Project {
            name: "a".parse().unwrap(),
            versions: Vec::new(),
            files: files.iter().map(|(name, uploaded)| file(name, uploaded)).collect(),
            unparsed: Vec::new(),
            status: twinbuild_registry::ProjectStatus::Active,
            serial: None,
        }
    }

    fn chosen(files: &[(&str, &str)], specifiers: &str) -> String {
        let fits = |wheel: &WheelFileName| wheel.python_tags.iter().any(|tag| tag == "py3");
        let cutoff = "2020-06-01T00:00:00Z".parse().unwrap();
        let target = Target { version: (3, 6, 15), fits: &fits, cutoff };
        match choose(&project(files), &specifiers.parse().unwrap(), &target) {
            Choice::Wheel(file) => file.file_name.text().to_owned(),
            Choice::Sdist(sdist) => sdist.file_name.text,
            Choice::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn an_sdist_is_taken_where_no_wheel_fits() {
        let files = [
            ("a-1.0.tar.gz", "2018-01-01"),
            ("a-1.1.zip", "2019-01-01"),
            ("a-1.1.tar.gz", "2019-01-01"),
            ("a-1.2b1.tar.gz", "2019-02-01"),
            ("a-1.1-py2-none-any.whl", "2019-01-01"),
            ("a-2.0.tar.gz", "2021-01-01"),
            ("a-1.0.5.tar.bz2", "2018-02-01"),
        ];
        assert_eq!(chosen(&files, ""), "a-1.1.tar.gz");
        assert_eq!(chosen(&files, "<1.1"), "a-1.0.tar.gz");
        assert_eq!(chosen(&files, "==1.2b1"), "a-1.2b1.tar.gz");
        assert_eq!(chosen(&files, "==1.0.5"), "nothing");
        assert_eq!(chosen(&files, ">=2"), "nothing");
        let mut with_wheel = files.to_vec();
        with_wheel.push(("a-0.9-py3-none-any.whl", "2017-01-01"));
        assert_eq!(chosen(&with_wheel, ""), "a-0.9-py3-none-any.whl");
        assert_eq!(chosen(&with_wheel, ">=1"), "a-1.1.tar.gz");
    }

    #[test]
    fn what_is_yanked_or_for_other_pythons_is_no_candidate() {
        let fits = |_: &WheelFileName| true;
        let cutoff = "2020-06-01T00:00:00Z".parse().unwrap();
        let target = Target { version: (3, 6, 15), fits: &fits, cutoff };
        let mut project = project(&[("a-1.0.tar.gz", "2018-01-01"), ("a-1.1.tar.gz", "2019-01-01")]);
        let version = |project: &Project, specifiers: &str| match choose(project, &specifiers.parse().unwrap(), &target)
        {
            Choice::Sdist(sdist) => sdist.version.to_string(),
            _ => String::new(),
        };
        project.files[1].requires_python = Some(">=3.7".to_owned());
        assert_eq!(version(&project, ""), "1.0");
        project.files[1].requires_python = Some(">=3.6".to_owned());
        assert_eq!(version(&project, ""), "1.1");
        project.files[1].yanked = Some(twinbuild_registry::Yanked { reason: None });
        assert_eq!(version(&project, ""), "1.0");
        assert_eq!(version(&project, "==1.1"), "1.1");
    }

    #[test]
    fn markers_are_those_of_the_interpreter() {
        let holds = |text: &str, version| {
            check_requirement("", text).unwrap().evaluate_markers(&markers(version).unwrap(), &[])
        };
        assert!(holds("a; python_version < '3'", (2, 7, 18)) && !holds("a; python_version < '3'", (3, 6, 15)));
        assert!(holds("a; python_full_version >= '3.6.1'", (3, 6, 15)) && !holds("a; extra == 'x'", (3, 6, 15)));
    }
}
