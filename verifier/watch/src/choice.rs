//! Which files of a release are watched.

use std::fmt;

use twinbuild_subject::{DistributionFileName, SdistFormat};

use crate::platform::{Python, WatchPlatform, is_for_any_platform, is_for_cpython};

/// Which files of a release are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChoice {
    /// All of them, or those that would be installed.
    pub files: Files,
    /// The platforms that they would be installed on.
    pub platforms: Vec<WatchPlatform>,
    /// The interpreters that they would be installed for; none for every CPython.
    pub pythons: Vec<Python>,
}

/// All files, or some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Those that would be installed on the platforms.
    Platform,
    /// Every one.
    All,
}

impl FileChoice {
    /// Every file.
    pub(crate) fn all() -> Self {
        Self { files: Files::All, platforms: Vec::new(), pythons: Vec::new() }
    }

    /// Whether any of the interpreters meets what a file requires.
    pub(crate) fn meets(&self, requires_python: Option<&str>) -> bool {
        self.pythons.is_empty() || self.pythons.iter().any(|python| python.meets(requires_python))
    }

    /// Those of the files of one release that are watched, in their order. For each platform these are the wheels that fit it,
    /// and where none does, the sdist: `.tar.gz` before `.zip` before others. With interpreters the best for each, of all versions of the C
    /// library, goes before others, and a wheel for the platform before one for any; without, any of them may be installed.
    pub(crate) fn choose<T>(&self, files: Vec<T>, name: impl Fn(&T) -> &DistributionFileName) -> Vec<T> {
        if self.files == Files::All {
            return files;
        }
        let mut is_chosen = vec![false; files.len()];
        let interpreters: Vec<Option<Python>> =
            if self.pythons.is_empty() { vec![None] } else { self.pythons.iter().copied().map(Some).collect() };
        for platform in &self.platforms {
            for python in &interpreters {
                for at in installed(&files, &name, *platform, *python) {
                    if let Some(is_chosen) = is_chosen.get_mut(at) {
                        *is_chosen = true;
                    }
                }
            }
        }
        files.into_iter().zip(is_chosen).filter_map(|(file, is_chosen)| is_chosen.then_some(file)).collect()
    }
}

/// Which of the files would be installed, by their numbers.
fn installed<T>(
    files: &[T],
    name: impl Fn(&T) -> &DistributionFileName,
    platform: WatchPlatform,
    python: Option<Python>,
) -> Vec<usize> {
    let (mut any, mut own, mut sdist) = (Vec::new(), Vec::new(), None);
    for (at, file) in files.iter().enumerate() {
        match name(file) {
            DistributionFileName::Wheel(wheel) => {
                // For no interpreter in particular one wheel is as good as another.
                let rank = python.map_or_else(|| is_for_cpython(wheel).then_some(0), |python| python.rank(wheel));
                match rank {
                    Some(_) if is_for_any_platform(wheel) => any.push(at),
                    Some(rank) if platform.takes_wheel(wheel) => own.push((rank, at)),
                    _ => {}
                }
            }
            DistributionFileName::Sdist(found) => {
                let rank = match found.format {
                    SdistFormat::TarGz => 0,
                    SdistFormat::Zip => 1,
                    SdistFormat::TarBz2 | SdistFormat::TarXz | SdistFormat::TarZ | SdistFormat::Tar => 2,
                };
                if sdist.is_none_or(|(best, _)| rank < best) {
                    sdist = Some((rank, at));
                }
            }
        }
    }
    let best = own.iter().map(|(rank, _)| *rank).min();
    let own: Vec<usize> = own.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, at)| at).collect();
    match (own.is_empty(), any.is_empty()) {
        (true, true) => sdist.map(|(_, at)| at).into_iter().collect(),
        (false, _) if python.is_some() => own,
        _ => any.into_iter().chain(own).collect(),
    }
}

impl fmt::Display for FileChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files == Files::All {
            return f.write_str("all files");
        }
        let platforms: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        f.write_str(&platforms.join(", "))?;
        let pythons: Vec<String> = self.pythons.iter().map(ToString::to_string).collect();
        if pythons.is_empty() { Ok(()) } else { write!(f, " with Python {}", pythons.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 8] = [
        "a-1-cp310-cp310-manylinux2014_x86_64.whl",
        "a-1-cp311-cp311-manylinux2014_x86_64.whl",
        "a-1-cp311-cp311-manylinux2014_aarch64.whl",
        "a-1-cp313-cp313t-manylinux2014_x86_64.whl",
        "a-1-cp311-cp311-win_amd64.whl",
        "a-1-py3-none-any.whl",
        "a-1.zip",
        "a-1.tar.gz",
    ];

    fn chosen(names: &[&str], platforms: &[&str], pythons: &[&str]) -> Vec<String> {
        let choice = FileChoice {
            files: Files::Platform,
            platforms: platforms.iter().map(|name| name.parse().unwrap()).collect(),
            pythons: pythons.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let names: Vec<DistributionFileName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let chosen = choice.choose(names, |name| name);
        chosen.iter().map(|name| name.text().trim_start_matches("a-1").to_owned()).collect()
    }

    #[test]
    fn without_interpreters_every_wheel_that_fits_is_chosen() {
        let native = ["-cp310-cp310-manylinux2014_x86_64.whl", "-cp311-cp311-manylinux2014_x86_64.whl"];
        assert_eq!(chosen(&FILES, &["linux-x86_64"], &[]), [native[0], native[1], "-py3-none-any.whl"]);
        assert_eq!(chosen(&FILES[..5], &["linux-x86_64"], &[]), native);
        assert_eq!(chosen(&FILES[5..], &["linux-x86_64"], &[]), ["-py3-none-any.whl"]);
    }

    #[test]
    fn an_interpreter_has_its_native_wheel_before_a_pure_one() {
        assert_eq!(chosen(&FILES, &["linux-x86_64"], &["3.11"]), ["-cp311-cp311-manylinux2014_x86_64.whl"]);
        assert_eq!(chosen(&FILES, &["linux-x86_64"], &["3.12"]), ["-py3-none-any.whl"]);
        let both = ["-cp311-cp311-manylinux2014_x86_64.whl", "-py3-none-any.whl"];
        assert_eq!(chosen(&FILES, &["linux-x86_64"], &["3.12", "3.11"]), both);
    }

    #[test]
    fn an_interpreter_has_the_wheels_of_its_nearest_interface() {
        let files = [
            "a-1-cp39-abi3-manylinux_2_28_x86_64.whl",
            "a-1-cp311-abi3-manylinux_2_28_x86_64.whl",
            "a-1-cp311-abi3-manylinux2014_x86_64.whl",
        ];
        let nearest = ["-cp311-abi3-manylinux_2_28_x86_64.whl", "-cp311-abi3-manylinux2014_x86_64.whl"];
        assert_eq!(chosen(&files, &["linux-x86_64"], &["3.12"]), nearest);
        assert_eq!(chosen(&files, &["linux-x86_64"], &["3.10"]), ["-cp39-abi3-manylinux_2_28_x86_64.whl"]);
        assert_eq!(chosen(&files, &["linux-x86_64"], &[]).len(), 3);
    }

    #[test]
    fn a_platform_without_a_wheel_gets_the_sdist() {
        let files: Vec<&str> = FILES.iter().copied().filter(|name| !name.ends_with("-any.whl")).collect();
        assert_eq!(chosen(&files, &["musllinux-x86_64"], &[]), [".tar.gz"]);
        let both = ["-cp311-cp311-manylinux2014_aarch64.whl", ".tar.gz"];
        assert_eq!(chosen(&files, &["linux-aarch64", "musllinux-aarch64"], &[]), both);
        assert!(chosen(&FILES[4..5], &["linux-x86_64"], &[]).is_empty());
    }
}
