//! From a specification to its lock.

use jiff::Timestamp;
use twinbuild_registry::{DebianPackage, PackageIndex};
use twinbuild_subject::Sha256;

use crate::environment_lock::{EnvironmentLock, FileKind, LockedFile, Origin, Step};
use crate::{EnvironmentError, Specification, Supply, fix_ups, realize};

/// What only maintainer scripts and package management would need, of which there is none here.
const EXCLUDED: [&str; 4] = ["debconf", "debconf-2.0", "dpkg", "readline-common"];

impl Specification {
    /// The files that this takes, as the archive has them at the moment of the specification, else at `now`.
    ///
    /// Layers: the root, what is derived from it, then, where they are asked for, the toolchain and further packages.
    /// Each of these has what its packages need and what no layer below it has.
    ///
    /// # Errors
    /// [`EnvironmentError::Debian`] where the archive refuses, or has no such package.
    pub fn resolve(&self, supply: &Supply, now: Timestamp) -> Result<EnvironmentLock, EnvironmentError> {
        let archive = supply.archive(self.at)?;
        let index = archive.suite(self.suite.code_name(), &self.architecture, self.at.unwrap_or(now))?;
        let mut lock = EnvironmentLock::new(self.clone(), index.release().clone());
        let fix_ups = fix_ups::digest();
        let mut present = Vec::new();
        let root = further(&index, &mut present, self.suite.packages())?;
        lock.add("root", &[], Step::Unpack { fix_ups }, root);
        let script = Sha256::of(realize::DERIVE.as_bytes());
        lock.add("derived", &["root"], Step::Derive { python: self.suite.python_path(), script }, Vec::new());
        let mut on = vec!["root"];
        if self.toolchain {
            let files = further(&index, &mut present, self.suite.toolchain())?;
            lock.add("toolchain", &on, Step::Unpack { fix_ups }, files);
            on.insert(0, "toolchain");
        }
        if !self.packages.is_empty() {
            let files = further(&index, &mut present, self.packages.iter().cloned().collect())?;
            lock.add("packages", &on, Step::Unpack { fix_ups }, files);
        }
        Ok(lock)
    }
}

/// What `wanted` needs beyond what is present, which it is then added to.
fn further(
    index: &PackageIndex,
    present: &mut Vec<String>,
    wanted: Vec<String>,
) -> Result<Vec<LockedFile>, EnvironmentError> {
    // All that is present is asked for again, so that it answers the relations of what is wanted.
    let roots: Vec<&str> = present.iter().chain(&wanted).map(String::as_str).collect();
    let packages = index.resolve(&roots, &EXCLUDED)?.packages;
    let is_new = |package: &&DebianPackage| !present.contains(&package.name);
    let files: Vec<LockedFile> = packages.iter().filter(is_new).map(locked).collect();
    present.extend(files.iter().map(|file| file.name.clone()));
    Ok(files)
}

fn locked(package: &DebianPackage) -> LockedFile {
    LockedFile {
        kind: FileKind::DebianPackage,
        name: package.name.clone(),
        version: package.version.to_string(),
        architecture: Some(package.architecture.clone()),
        size_bytes: Some(package.size_bytes),
        sha256: package.sha256,
        origin: Origin::DebianArchive { path: package.file_path.clone() },
    }
}
