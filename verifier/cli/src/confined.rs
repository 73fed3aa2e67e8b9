//! Running a command of this program in a sandbox: it has the files that it is given, and no network, no home, no variables and no keys.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use twinbuild_sandbox::{Bind, Cancel, Collect, Copy, End, Limits, Spec, run};

use twinbuild_judge::JudgeError;

use crate::failure::Failure;

/// Where this program stands inside.
const PROGRAM: &str = "/usr/bin/twinbuild";
/// Where the command finds what it is given.
pub(crate) const INPUTS: &str = "/inputs";
/// Where it puts what it makes.
pub(crate) const OUTPUT: &str = "/output";
/// Where it works.
pub(crate) const WORK: &str = "/work";
/// Where programs say that their dynamic linker is.
const LINKERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
/// How much of what it printed is shown, in bytes.
const SHOWN_BYTES: usize = 4000;

/// Runs a command of this program over the files of a folder, and collects what it puts into its output. `staging` is a folder that is not there.
pub(crate) fn run_confined(command: &str, inputs: &Path, staging: &Path, cancel: &Cancel) -> Result<PathBuf, Failure> {
    let internal = |error: anyhow::Error| Failure::internal(error);
    let [root, output] = ["root", "output"].map(|name| staging.join(name));
    for folder in [staging, &root, &output] {
        fs::create_dir(folder).with_context(|| format!("making {}", folder.display())).map_err(internal)?;
    }
    let program = std::env::current_exe().context("finding this program").map_err(internal)?;
    let libraries = libraries().context("finding the libraries of this program").map_err(internal)?;
    let folders: BTreeSet<String> =
        libraries.iter().filter_map(|library| Some(library.parent()?.display().to_string())).collect();
    let bind = |path: &Path| Bind { source: path.to_owned(), target: path.to_owned() };
    let mut binds = vec![Bind { source: program, target: PROGRAM.into() }];
    binds.extend(libraries.iter().map(|library| bind(library)));
    let linkers = LINKERS.iter().map(Path::new).filter(|path| path.exists() && !libraries.contains(*path));
    binds.extend(linkers.map(bind));
    let spec = Spec {
        layers: vec![root],
        binds,
        copies: vec![Copy { source: inputs.to_owned(), target: INPUTS.into(), order: Default::default() }],
        scratch: [INPUTS, OUTPUT, WORK].map(PathBuf::from).to_vec(),
        argv: [PROGRAM, command].map(str::to_owned).to_vec(),
        env: vec![
            ("LD_LIBRARY_PATH".to_owned(), folders.into_iter().collect::<Vec<_>>().join(":")),
            ("TMPDIR".to_owned(), WORK.to_owned()),
        ],
        cwd: WORK.into(),
        collect: vec![Collect { directory: OUTPUT.into(), into: output.clone(), symlinks: false }],
        limits: Limits::of_this_host(),
        ..Spec::default()
    };
    let ran = run(&spec, cancel).map_err(|error| match error {
        error @ twinbuild_sandbox::Error::HostUnsupported { .. } => JudgeError::Host(error).into(),
        error => Failure::inconclusive(error),
    })?;
    let said = String::from_utf8_lossy(&ran.log.bytes);
    let said = said.trim();
    let shown = &said[said.char_indices().rev().nth(SHOWN_BYTES).map_or(0, |(at, _)| at)..];
    match ran.end {
        End::Exited(0) if ran.refused.is_none() => Ok(output),
        End::Cancelled => Err(JudgeError::Cancelled.into()),
        // What was refused is said by the command itself.
        End::Exited(1) => Err(Failure::rejected(anyhow::anyhow!("{}", shown.strip_prefix("error: ").unwrap_or(shown)))),
        end => Err(Failure::inconclusive(anyhow::anyhow!("checking in a sandbox failed ({end:?}): {shown}"))),
    }
}

/// The shared libraries that this program runs with.
fn libraries() -> std::io::Result<BTreeSet<PathBuf>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let paths = maps.lines().filter_map(|line| line.split_once('/').map(|(_, path)| format!("/{path}")));
    Ok(paths.filter(|path| path.contains(".so")).map(PathBuf::from).filter(|path| path.is_file()).collect())
}
