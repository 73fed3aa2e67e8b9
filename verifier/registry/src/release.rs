//! The files of one version, and the choice among them.

use std::cmp::Reverse;

use pep440_rs::Version;
use twinbuild_subject::{DistributionFileName, PackageName, SdistFormat, WheelFileName};

use crate::{Platform, ProjectFile, RegistryError};

/// The wheels and sdists of one version of a project. It has at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Its wheels, in the index's order.
    pub wheels: Vec<ProjectFile>,
    /// Its sdists, in the index's order.
    pub sdists: Vec<ProjectFile>,
}

impl Release {
    pub(crate) fn new(name: PackageName, version: Version, files: Vec<ProjectFile>) -> Self {
        let is_wheel = |file: &ProjectFile| matches!(file.file_name, DistributionFileName::Wheel(_));
        let (wheels, sdists) = files.into_iter().partition(is_wheel);
        Self { name, version, wheels, sdists }
    }

    /// All its files: wheels, then sdists.
    pub fn files(&self) -> impl Iterator<Item = &ProjectFile> {
        self.wheels.iter().chain(&self.sdists)
    }

    /// The file to judge: the one named `artifact` if given; else the pure wheel; else the wheel for `platform` (glibc
    /// before musl, the stable interface before the newest interpreter); else the sdist. Of equals, the first by name.
    ///
    /// # Errors
    /// [`RegistryError::UnknownArtifact`] if no file is named so; [`RegistryError::NothingForPlatform`] if there is
    /// nothing to choose.
    pub fn choose(&self, artifact: Option<&str>, platform: Platform) -> Result<&ProjectFile, RegistryError> {
        let names = || self.files().map(|file| file.file_name.text().to_owned()).collect();
        if let Some(asked) = artifact {
            return self.files().find(|file| file.file_name.text() == asked).ok_or_else(|| {
                RegistryError::UnknownArtifact {
                    name: self.name.clone(),
                    version: self.version.clone(),
                    file_name: asked.chars().take(200).collect(),
                    files: names(),
                }
            });
        }
        let best = self.wheels.iter().filter_map(|file| Some((preference(file, platform)?, file))).min_by(|a, b| {
            let by_name = || a.1.file_name.text().cmp(b.1.file_name.text());
            a.0.cmp(&b.0).then_with(by_name)
        });
        best.map(|(_, file)| file).or_else(|| self.any_sdist()).ok_or_else(|| RegistryError::NothingForPlatform {
            name: self.name.clone(),
            version: self.version.clone(),
            platform: platform.python_machine(),
            files: names(),
        })
    }

    /// The sdist to build from: `.tar.gz` before `.zip`. `None` if there is no sdist of these formats;
    /// [`Release::unsupported_sdists`] names those of others.
    #[must_use]
    pub fn sdist(&self) -> Option<&ProjectFile> {
        let of = |wanted| self.sdists.iter().filter(move |file| format(file) == Some(wanted));
        let first = |wanted| of(wanted).min_by(|a, b| a.file_name.text().cmp(b.file_name.text()));
        first(SdistFormat::TarGz).or_else(|| first(SdistFormat::Zip))
    }

    /// The sdists of formats that this version does not read.
    #[must_use]
    pub fn unsupported_sdists(&self) -> Vec<&ProjectFile> {
        let is_read = |file: &&ProjectFile| matches!(format(file), Some(SdistFormat::TarGz | SdistFormat::Zip));
        self.sdists.iter().filter(|file| !is_read(file)).collect()
    }

    fn any_sdist(&self) -> Option<&ProjectFile> {
        self.sdist().or_else(|| self.sdists.iter().min_by(|a, b| a.file_name.text().cmp(b.file_name.text())))
    }
}

fn format(file: &ProjectFile) -> Option<SdistFormat> {
    match &file.file_name {
        DistributionFileName::Sdist(sdist) => Some(sdist.format),
        DistributionFileName::Wheel(_) => None,
    }
}

/// Smaller is better; `None` if the wheel does not run on the platform.
type Preference = (u8, Reverse<bool>, Reverse<(u32, u32)>, bool);

fn preference(file: &ProjectFile, platform: Platform) -> Option<Preference> {
    let DistributionFileName::Wheel(wheel) = &file.file_name else { return None };
    let rank = if wheel.is_pure() {
        0
    } else if wheel.platform_tags.iter().any(|tag| tag == "any") {
        1
    } else {
        2 + wheel.platform_tags.iter().filter_map(|tag| platform.rank(tag)).min()?
    };
    let is_stable = wheel.abi_tags.iter().any(|tag| tag == "abi3");
    Some((rank, Reverse(is_stable), Reverse(newest_python(wheel)), wheel.build_tag.is_some()))
}

/// The newest interpreter among the tags: `cp311` and `py311` are (3, 11), `py3` is (3, 0).
fn newest_python(wheel: &WheelFileName) -> (u32, u32) {
    let version = |tag: &String| {
        let digits = tag.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let (major, minor) = digits.split_at_checked(1)?;
        Some((major.parse().ok()?, if minor.is_empty() { 0 } else { minor.parse().ok()? }))
    };
    wheel.python_tags.iter().filter_map(version).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(names: &[&str]) -> Release {
        let file = |name: &&str| ProjectFile {
            file_name: name.parse().unwrap(),
            url: format!("https://files.example/{name}").parse().unwrap(),
            sha256: None,
            size_bytes: None,
            upload_time: None,
            yanked: None,
            requires_python: None,
            core_metadata: None,
            provenance: None,
        };
        Release::new("a".parse().unwrap(), "1".parse().unwrap(), names.iter().map(file).collect())
    }

    #[test]
    fn the_file_to_judge_is_chosen_in_order() {
        for (names, chosen) in [
            (&["a-1.tar.gz", "a-1-cp311-cp311-manylinux2014_x86_64.whl", "a-1-py3-none-any.whl"][..], 2),
            (&["a-1-py2-none-any.whl", "a-1-py3-none-any.whl"], 1),
            (&["a-1-1-py3-none-any.whl", "a-1-py3-none-any.whl"], 1),
            (&["a-1.tar.gz", "a-1-cp311-cp311-win_amd64.whl"], 0),
            (&["a-1-cp310-cp310-manylinux2014_x86_64.whl", "a-1-cp311-cp311-manylinux2014_x86_64.whl"], 1),
            (&["a-1-cp313-cp313-musllinux_1_2_x86_64.whl", "a-1-cp39-cp39-manylinux2014_x86_64.whl"], 1),
            (&["a-1-cp313-cp313-manylinux2014_x86_64.whl", "a-1-cp39-abi3-manylinux2014_x86_64.whl"], 1),
            (&["a-1.zip", "a-1.tar.gz", "a-1.tar.bz2"], 1),
            (&["a-1.tar.bz2"], 0),
        ] {
            let release = release(names);
            let found = release.choose(None, Platform::LinuxX86_64).unwrap();
            assert_eq!(found.file_name.text(), names[chosen], "{names:?}");
        }
    }

    #[test]
    fn a_named_file_is_taken_or_refused_with_the_list() {
        let release = release(&["a-1-py3-none-any.whl", "a-1.tar.gz"]);
        let found = release.choose(Some("a-1.tar.gz"), Platform::LinuxX86_64).unwrap();
        assert_eq!(found.file_name.text(), "a-1.tar.gz");
        let error = release.choose(Some("a-1.zip"), Platform::LinuxX86_64).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a 1 has no file \"a-1.zip\"; it has a-1-py3-none-any.whl, a-1.tar.gz: name one of these"
        );
    }

    #[test]
    fn a_release_for_other_platforms_only_has_nothing_to_choose() {
        let release = release(&["a-1-cp311-cp311-win_amd64.whl"]);
        let error = release.choose(None, Platform::LinuxAarch64);
        assert!(matches!(error, Err(RegistryError::NothingForPlatform { platform: "aarch64", .. })));
        assert_eq!(release.sdist(), None);
    }

    #[test]
    fn sdists_of_formats_that_are_not_read_are_named() {
        let release = release(&["a-1.tar.bz2", "a-1.zip", "a-1.tar.Z"]);
        assert_eq!(release.sdist().unwrap().file_name.text(), "a-1.zip");
        assert_eq!(release.unsupported_sdists().len(), 2);
    }
}
