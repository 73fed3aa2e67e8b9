//! Interpreters of this host as layers, and environments on them.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use serde::{Deserialize, Serialize};
use twinbuild_sandbox::{Bind, Cancel, End, Error as SandboxError, Run, Spec, run};
use twinbuild_store::{Blob, Staging, Store};
use twinbuild_subject::Sha256;

use crate::host_interpreter::{FILE_TIME_SECS, PYTHON_2_SITE, Selection};
use crate::realize::{io_error, link_collected, step, tail};
use crate::{EnvironmentError, HostInterpreter, Layer, host_libraries};

/// The programs that run in sandboxes; see their own documentation.
pub(crate) const ADMIT: &str = include_str!("admit.py");
pub(crate) const INSTALL: &str = include_str!("install_wheels.py");
/// Changes whenever something else is taken of the same prefix.
const REVISION: u32 = 1;
/// The exit code of [`ADMIT`] for an interpreter whose modules do not import.
const NOT_ADMITTED: i32 = 3;
/// What is being done, in messages.
const TRYING: &str = "trying an interpreter of this host";

/// What the store remembers of a prefix that was copied.
#[derive(Serialize, Deserialize)]
struct Copied {
    layer: Sha256,
}

/// The interpreter as a layer: copied now, or opened where its files are those that were copied before.
///
/// # Errors
/// [`EnvironmentError::NotAdmitted`] where it cannot be read, or is not what a prefix should be.
pub(crate) fn copied(store: &Store, interpreter: &HostInterpreter) -> Result<Layer, EnvironmentError> {
    const KIND: &str = "host-interpreter";
    let refused = |reason: String| EnvironmentError::NotAdmitted { interpreter: interpreter.to_string(), reason };
    let selection = interpreter.select().map_err(|refusal| refused(refusal.to_string()))?;
    let key = serde_json::json!([REVISION, interpreter.prefix, selection.stamp, Sha256::of(PYTHON_2_SITE.as_bytes())]);
    let key = Sha256::of(key.to_string().as_bytes());
    let held = store.record::<Copied>(KIND, &key)?;
    if let Some(layer) = held.map_or(Ok(None), |copied| Layer::open(store, copied.layer))? {
        return Ok(layer);
    }
    tracing::info!("copying {interpreter} from {}", interpreter.prefix.display());
    let staging = store.staging()?;
    interpreter.copy(&selection, staging.path()).map_err(|error| refused(error.to_string()))?;
    set_times(staging.path()).map_err(io_error("setting the times of an interpreter's files"))?;
    if interpreter.select().is_ok_and(|now| now.stamp != selection.stamp) {
        return Err(refused("its files changed while they were copied".to_owned()));
    }
    let layer = Layer::publish(store, staging)?;
    store.put_record(KIND, &key, &Copied { layer: layer.digest })?;
    Ok(layer)
}

/// Imports every module that the interpreter ships, on `layers` (topmost first), which are a root file system, the libraries
/// that interpreters need, and its own; and makes the bytecode of its library.
///
/// # Errors
/// [`EnvironmentError::NotAdmitted`] where a module does not import, with the library that is missing.
pub(crate) fn admit(
    store: &Store,
    interpreter: &HostInterpreter,
    layers: &[Layer],
    cancel: &Cancel,
) -> Result<Staging, EnvironmentError> {
    tracing::info!("trying the modules of {interpreter}");
    let staging = store.staging()?;
    let program = interpreter.program();
    let mut spec = Spec {
        layers: layers.iter().map(|layer| layer.path.clone()).collect(),
        scratch: vec!["/output".into()],
        ..step(ADMIT, &program.to_string_lossy(), "/output", staging.path())
    };
    // Nothing but the interpreter's own library is tried.
    spec.argv.splice(1..1, ["-S", "-E"].map(str::to_owned));
    spec.argv.push(interpreter.prefix.join("lib").join(interpreter.name()).to_string_lossy().into_owned());
    let run = run(&spec, cancel)?;
    if let Some(refused) = run.refused.clone() {
        return Err(SandboxError::Collect(refused).into());
    }
    match run.end {
        End::Exited(0) => {}
        End::Cancelled => return Err(EnvironmentError::Cancelled { doing: TRYING }),
        End::LimitHit(_) => {
            let (end, log) = (format!("{:?}", run.end), tail(&run.log.bytes));
            return Err(EnvironmentError::Step { doing: TRYING, end, log });
        }
        End::Exited(_) | End::Signalled(_) => {
            let reason = refusal(interpreter, &run);
            return Err(EnvironmentError::NotAdmitted { interpreter: interpreter.to_string(), reason });
        }
    }
    set_times(staging.path()).map_err(io_error("setting the times of bytecode"))?;
    Ok(staging)
}

/// Why an interpreter was not admitted: the libraries that are missing, else what it said itself.
fn refusal(interpreter: &HostInterpreter, run: &Run) -> String {
    let missing = interpreter.missing_libraries().unwrap_or_default();
    if !missing.is_empty() {
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        return format!("environments lack what it was built with: {}", missing.join("; "));
    }
    match run.end {
        End::Exited(NOT_ADMITTED) => {
            format!("modules of it do not import: {}", String::from_utf8_lossy(&run.message).escape_debug())
        }
        _ => format!("it does not run there ({:?}); it printed: {}", run.end, tail(&run.log.bytes)),
    }
}

/// Installs wheels above `layers` (topmost first) as the environment of an admitted interpreter, by the root's own one.
pub(crate) fn install(
    store: &Store,
    interpreter: &HostInterpreter,
    root_python: &str,
    layers: &[Layer],
    wheels: &[(String, Blob)],
    run: impl FnOnce(&'static str, &Spec) -> Result<Vec<twinbuild_sandbox::Collected>, EnvironmentError>,
) -> Result<Staging, EnvironmentError> {
    let folder = store.staging()?;
    for (name, blob) in wheels {
        let path = folder.path().join(name);
        fs::hard_link(blob.path(), &path)
            .or_else(|_| fs::copy(blob.path(), &path).map(drop))
            .map_err(io_error("laying out a wheel"))?;
    }
    let (major, minor, _) = interpreter.version;
    let names: Vec<&str> = wheels.iter().map(|(name, _)| name.as_str()).collect();
    let request = serde_json::json!({ "program": interpreter.program(), "version": [major, minor], "wheels": names });
    let staging = store.staging()?;
    let env = staging.path().join("env");
    fs::create_dir(&env).map_err(io_error("making the environment's folder"))?;
    let spec = Spec {
        layers: layers.iter().map(|layer| layer.path.clone()).collect(),
        binds: vec![Bind { source: folder.path().to_owned(), target: "/wheels".into() }],
        scratch: vec!["/env".into()],
        stdin: request.to_string().into_bytes(),
        ..step(INSTALL, root_python, "/env", &env)
    };
    let collected = run("installing the build requirements", &spec)?;
    link_collected(&env, &collected).map_err(io_error("linking the environment's files"))?;
    set_times(&env).map_err(io_error("setting the times of the environment's files"))?;
    Ok(staging)
}

impl HostInterpreter {
    /// The libraries that it needs and environments do not have, as its own files say; nothing is run.
    ///
    /// # Errors
    /// Why it cannot be used at all.
    pub fn missing_libraries(&self) -> Result<Vec<host_libraries::MissingLibrary>, crate::HostRefusal> {
        let selection: Selection = self.select()?;
        host_libraries::missing(self, &selection)
            .map_err(|error| crate::HostRefusal::Unreadable { path: "a library".to_owned(), reason: error.to_string() })
    }
}

/// Gives every file the time that bytecode was made for. Times are no part of a layer's digest: where they are lost, old
/// interpreters read the source instead.
fn set_times(folder: &Path) -> io::Result<()> {
    let time = Timespec { tv_sec: FILE_TIME_SECS, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            utimensat(CWD, entry.path(), &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
    }
    Ok(())
}
