//! From a specification to its lock.

use jiff::Timestamp;
use twinbuild_recipe::Provider;
use twinbuild_registry::{DebianPackage, PackageIndex};
use twinbuild_subject::Sha256;

use crate::environment_lock::{EnvironmentLock, FileKind, LockedFile, Origin, Step};
use crate::{EnvironmentError, Specification, Supply, fix_ups, host_layer, host_libraries, realize};

/// What only maintainer scripts and package management would need, of which there is none here.
const EXCLUDED: [&str; 4] = ["debconf", "debconf-2.0", "dpkg", "readline-common"];

impl Specification {
    /// The files that this takes, as the archive has them at the moment of the specification, else at `now`.
    ///
    /// Layers: the root, what is derived from it, then, where they are asked for, an interpreter of the host with the
    /// libraries that it needs, the toolchain and further packages.
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
        let root = further(&index, &mut present, &self.suite.packages())?;
        lock.add("root", &[], Step::Unpack { fix_ups }, root);
        let script = Sha256::of(realize::DERIVE.as_bytes());
        lock.add("derived", &["root"], Step::Derive { python: self.suite.python_path(), script }, Vec::new());
        let mut on = vec!["root"];
        if self.interpreter.provider == Provider::Host {
            let libraries: Vec<String> = host_libraries::packages().into_iter().map(str::to_owned).collect();
            let files = further(&index, &mut present, &libraries)?;
            lock.add("libraries", &on, Step::Unpack { fix_ups }, files);
            on.insert(0, "libraries");
            self.add_host_interpreter(supply, &mut lock)?;
        }
        if self.toolchain {
            let files = further(&index, &mut present, &self.suite.toolchain())?;
            lock.add("toolchain", &on, Step::Unpack { fix_ups }, files);
            on.insert(0, "toolchain");
        }
        if !self.packages.is_empty() {
            let files = further(&index, &mut present, &self.packages.iter().cloned().collect::<Vec<_>>())?;
            lock.add("packages", &on, Step::Unpack { fix_ups }, files);
        }
        Ok(lock)
    }
}

impl Specification {
    /// Adds the layers of an interpreter of this host, which is copied to learn its digest.
    fn add_host_interpreter(&self, supply: &Supply, lock: &mut EnvironmentLock) -> Result<(), EnvironmentError> {
        let interpreter = supply.host(&self.interpreter.version)?;
        let layer = host_layer::copied(supply.store(), &interpreter)?;
        let (major, minor, micro) = interpreter.version;
        let file = LockedFile {
            kind: FileKind::HostInterpreter,
            name: "CPython".to_owned(),
            version: format!("{major}.{minor}.{micro}"),
            architecture: None,
            size_bytes: None,
            sha256: layer.digest,
            origin: Origin::Host { prefix: interpreter.prefix.clone() },
        };
        lock.add("interpreter", &[], Step::Copy, vec![file]);
        let script = Sha256::of(host_layer::ADMIT.as_bytes());
        let python = interpreter.program().to_string_lossy().into_owned();
        let on = ["interpreter", "libraries", "derived", "root"];
        lock.add("bytecode", &on, Step::Admit { python, script }, Vec::new());
        Ok(())
    }
}

/// What `wanted` needs beyond what is present, which it is then added to.
fn further(
    index: &PackageIndex,
    present: &mut Vec<String>,
    wanted: &[String],
) -> Result<Vec<LockedFile>, EnvironmentError> {
    // All that is present is asked for again, so that it answers the relations of what is wanted.
    let roots: Vec<&str> = present.iter().chain(wanted).map(String::as_str).collect();
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
