//! What is asked about: files, what lock files pin, and what is installed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use pep440_rs::Version;
use twinbuild_ledger::Standing;
use twinbuild_lockfile::{InstalledDistribution, LockedFile, Lockfile, Source, Unlisted, UnlistedKind, installed};
use twinbuild_subject::{DistributionFileName, MemberPath, PackageName, Sha256};

use crate::commands::sha256_of;
use crate::failure::Failure;

/// A file, a package or what is installed of one, and what ledgers are asked about it.
pub(super) struct Wanted {
    /// What it is called.
    pub(super) name: String,
    /// The file, the lock file, or the folder where it is installed.
    pub(super) path: PathBuf,
    /// What may be there of it; all of it has to be trusted.
    pub(super) asked: Vec<Asked>,
    /// What is known of it already, whatever ledgers have.
    pub(super) known: Option<Known>,
}

/// One file, or what one wheel leaves where it is installed.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) key: Key,
}

/// By what a ledger has it.
#[derive(Debug, Clone)]
pub(super) enum Key {
    File(Sha256),
    Installed(Installed),
}

/// What is installed, as which release.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) digest: Sha256,
    name: PackageName,
    version: Version,
}

impl Installed {
    /// Whether a wheel is of the release that the files say they are.
    pub(super) fn is_of(&self, file_name: &str) -> bool {
        let wheel: Option<DistributionFileName> = file_name.parse().ok();
        wheel.is_some_and(|wheel| *wheel.name() == self.name && *wheel.version() == self.version)
    }
}

/// What is known without any ledger.
pub(super) struct Known {
    /// `Trusted` where it makes no difference.
    pub(super) standing: Standing,
    pub(super) why: String,
}

/// A file of this machine.
pub(super) fn file(path: &Path) -> Result<Wanted, Failure> {
    let name = path.display().to_string();
    let asked = vec![Asked { name: name.clone(), key: Key::File(sha256_of(path)?) }];
    Ok(Wanted { name, path: path.to_owned(), asked, known: None })
}

/// What a lock file pins.
pub(super) fn pinned(path: &Path) -> Result<Vec<Wanted>, Failure> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display())).map_err(Failure::usage)?;
    let lock = Lockfile::read(path, &bytes).map_err(Failure::usage)?;
    if let Some(unpinned) = lock.unpinned.first() {
        // What is not pinned cannot be checked, and must not go by unseen.
        let more = match lock.unpinned.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let error = anyhow!("{unpinned}{more}");
        return Err(Failure::usage(error.context("not all of it is pinned by digest: lock it with hashes")));
    }
    if lock.locked.is_empty() {
        return Err(Failure::usage(anyhow!(
            "{} pins nothing, so nothing of it can be checked: name another file",
            path.display()
        )));
    }
    let wanted = lock.locked.into_iter().map(|locked| {
        let name = format!("{} {}", locked.name, locked.version);
        let asked = |file: LockedFile| {
            Some(Asked { name: file.file_name.unwrap_or_else(|| name.clone()), key: Key::File(file.sha256?) })
        };
        // One that only another digest pins cannot be looked up, and may be the one that is installed. A commit is built by whoever
        // installs it, whatever files are named beside it.
        let is_commit = matches!(locked.source, Source::Git { .. });
        let asked: Option<Vec<_>> = locked.files.into_iter().filter(|_| !is_commit).map(asked).collect();
        Wanted { asked: asked.unwrap_or_default(), name, path: path.to_owned(), known: None }
    });
    Ok(wanted.collect())
}

/// What is installed in a folder, or in a virtual environment.
pub(super) fn installed_in(folder: &Path) -> Result<Vec<Wanted>, Failure> {
    let mut wanted = Vec::new();
    for folder in site_packages(folder)? {
        let found = installed(&folder).map_err(Failure::usage)?;
        wanted.extend(found.distributions.iter().map(|distribution| distribution_in(&folder, distribution)));
        let broken = found.broken.iter();
        let broken = broken.map(|broken| (broken.dist_info.clone(), Standing::Refused, broken.reason.clone()));
        let unlisted = unlisted(&found.unlisted);
        wanted.extend(broken.chain(unlisted).map(|(path, standing, why)| Wanted {
            name: path.to_string(),
            path: folder.clone(),
            asked: Vec::new(),
            known: Some(Known { standing, why }),
        }));
    }
    if wanted.is_empty() {
        return Err(Failure::usage(anyhow!(
            "nothing is installed in {}: name a virtual environment, or a folder such as site-packages",
            folder.display()
        )));
    }
    Ok(wanted)
}

/// What no `RECORD` names, by what stands at the top: a file of any name there may come before a module that is listed, or be imported by it. Bytecode
/// beside a listed source is left out, as Python writes it.
fn unlisted(all: &[Unlisted]) -> Vec<(MemberPath, Standing, String)> {
    let mut tops: BTreeMap<MemberPath, (usize, bool)> = BTreeMap::new();
    for one in all.iter().filter(|one| one.kind != UnlistedKind::Bytecode) {
        let top = one.path.as_bytes().split(|byte| *byte == b'/').next().unwrap_or_default();
        let (count, runs) = tops.entry(MemberPath::new(top)).or_default();
        *count += 1;
        *runs |= one.kind == UnlistedKind::RunsAtStart;
    }
    let told = |(top, (count, runs)): (MemberPath, (usize, bool))| {
        let what = if count == 1 { "a file".to_owned() } else { format!("{count} files") };
        let runs = if runs { ", and is run whenever Python starts" } else { "" };
        (top, Standing::Unknown, format!("{what} there that no RECORD names{runs}"))
    };
    tops.into_iter().map(told).collect()
}

/// The folder itself, or those of the virtual environment that it is.
fn site_packages(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let settings = match fs::read_to_string(folder.join("pyvenv.cfg")) {
        Ok(settings) => settings,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![folder.to_owned()]),
        Err(error) => return Err(Failure::usage(error)),
    };
    let takes_more = |line: &str| {
        let (key, value) = line.split_once('=').unwrap_or_default();
        key.trim().eq_ignore_ascii_case("include-system-site-packages") && !value.trim().eq_ignore_ascii_case("false")
    };
    if settings.lines().any(takes_more) {
        let message = "it takes what the system has installed, too: make it without --system-site-packages, or name each site-packages";
        return Err(Failure::usage(anyhow!("{}: {message}", folder.display())));
    }
    let doing = || format!("looking into {}", folder.display());
    let mut found = Vec::new();
    for libraries in ["lib", "lib64"].map(|name| folder.join(name)) {
        // The one is a link to the other, as a rule.
        if libraries.is_symlink() || !libraries.exists() {
            continue;
        }
        for entry in fs::read_dir(libraries).with_context(doing).map_err(Failure::usage)? {
            let own = entry.with_context(doing).map_err(Failure::usage)?.path().join("site-packages");
            if own.is_dir() {
                found.push(own);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn distribution_in(folder: &Path, distribution: &InstalledDistribution) -> Wanted {
    let name = format!("{} {}", distribution.name, distribution.version);
    let fault = distribution.faults.first().map(|fault| Known {
        standing: Standing::Refused,
        why: format!("{}: {} ({} such files)", fault.path, fault.kind, distribution.faults.len()),
    });
    let unchecked = distribution.outside.len();
    let outside = (unchecked > 0).then(|| Known {
        standing: Standing::Trusted,
        why: format!("{unchecked} files outside of the folder, as of scripts, are not checked"),
    });
    let installed = Installed {
        digest: distribution.digest(),
        name: distribution.name.clone(),
        version: distribution.version.clone(),
    };
    let asked = vec![Asked { name: name.clone(), key: Key::Installed(installed) }];
    Wanted { name, path: folder.join(distribution.dist_info.to_string()), asked, known: fault.or(outside) }
}
