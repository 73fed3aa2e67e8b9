//! The interpreter that the resolver asks about its platform.
//!
//! The resolver starts an interpreter with a small program of its own and reads JSON from it. It is given a link to this
//! program, which runs the interpreter of the root file system in a sandbox instead, with the same arguments. The
//! resolver itself is started through this program too, so that it dies with the process that asked for it.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};
use twinbuild_sandbox::{Bind, Cancel, Chosen, End, Limits, Spec, choose, run};

/// The variable that makes this program an interpreter.
pub(crate) const VARIABLE: &str = "TWINBUILD_AS_INTERPRETER";
/// Where the resolver's program stands inside.
const RESOLVER_PATH: &str = "/usr/lib/twinbuild/resolver";
/// The first argument that makes this program start a tool.
const TOOL_ARGUMENT: &str = "__twinbuild-tool";

/// What the program needs to know to be an interpreter.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    /// The root's layers, topmost first.
    pub(crate) layers: Vec<PathBuf>,
    /// The interpreter, inside.
    pub(crate) python: String,
    /// The resolver's cache, in which it lays down its own program.
    pub(crate) cache: PathBuf,
    /// The sandbox that its caller's commands run in.
    pub(crate) sandbox: Chosen,
}

/// Runs the resolver, or the arguments by the interpreter of the root file system, if this process was started to do
/// that; otherwise gives `None` at once. To be called in `main` after the sandbox's own first call, before there are
/// threads.
#[must_use]
pub fn answer_as_interpreter() -> Option<ExitCode> {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == TOOL_ARGUMENT) {
        return Some(become_tool());
    }
    let order = std::env::var_os(VARIABLE)?;
    die_with_parent();
    Some(match answer(&order) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "the sandboxed interpreter could not be run: {error}");
            ExitCode::FAILURE
        }
    })
}

/// A command that runs `program` and dies with the process that starts it, which must wait for it on the same thread.
pub(crate) fn tool(program: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(TOOL_ARGUMENT).arg(std::process::id().to_string()).arg(program);
    command
}

fn become_tool() -> ExitCode {
    let mut arguments = std::env::args_os().skip(2);
    let parent = arguments.next().and_then(|id| id.to_str().and_then(|id| id.parse::<u32>().ok()));
    die_with_parent();
    // Whoever died before the line above was not noticed by it.
    let is_orphan = parent.is_some_and(|parent| parent != std::os::unix::process::parent_id());
    if let (Some(program), false) = (arguments.next(), is_orphan) {
        let error = Command::new(&program).args(arguments).exec();
        let _ = writeln!(std::io::stderr(), "{} could not be started: {error}", program.to_string_lossy());
    }
    ExitCode::from(2)
}

/// Asks the kernel to kill this process when the thread that started it ends. Without that it would only live longer.
fn die_with_parent() {
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)) {
        tracing::debug!("the kernel does not tie processes together: {error}");
    }
}

fn answer(order: &OsString) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let order: Order = serde_json::from_str(order.to_str().ok_or("its order is not UTF-8")?)?;
    choose(order.sandbox);
    let mut argv = vec![order.python];
    for argument in std::env::args_os().skip(1) {
        argv.push(argument.into_string().map_err(|_| "an argument is not UTF-8")?);
    }
    let program = argv.iter().find_map(|argument| folder_in(argument, &order.cache));
    if let Some(folder) = program.as_deref().and_then(Path::to_str) {
        // The folder's own path may be one that the sandbox has for itself, such as one below /tmp.
        argv.iter_mut().for_each(|argument| *argument = argument.replace(folder, RESOLVER_PATH));
    }
    let spec = Spec {
        layers: order.layers,
        binds: program.map(|folder| Bind { source: folder, target: RESOLVER_PATH.into() }).into_iter().collect(),
        argv,
        env: vec![("LC_ALL".to_owned(), "C.UTF-8".to_owned()), ("PATH".to_owned(), "/usr/bin".to_owned())],
        limits: Limits { wall: std::time::Duration::from_secs(60), ..Limits::default() },
        ..Spec::default()
    };
    let run = run(&spec, &Cancel::new()?)?;
    std::io::stdout().write_all(&run.log.bytes)?;
    Ok(match run.end {
        End::Exited(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        _ => ExitCode::FAILURE,
    })
}

/// The folder right below `cache` that an argument names, quoted in a line of Python: where the resolver's program is.
fn folder_in(argument: &str, cache: &Path) -> Option<PathBuf> {
    let cache = cache.to_str()?;
    let rest = &argument[argument.find(cache)? + cache.len()..];
    let name = rest.strip_prefix('/')?.split(['"', '\'', '/']).next()?;
    let is_plain = !name.is_empty() && name != ".." && !name.contains(['\\', '\0']);
    is_plain.then(|| Path::new(cache).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_the_resolvers_program_is_found() {
        let argument = r#"import sys; sys.path = [__import__("os").fsdecode(b"/c/uv/.tmpAb1")] + sys.path; main()"#;
        assert_eq!(folder_in(argument, Path::new("/c/uv")), Some("/c/uv/.tmpAb1".into()));
        assert_eq!(folder_in("-I", Path::new("/c/uv")), None);
        assert_eq!(folder_in("b\"/c/uv/../x\"", Path::new("/c/uv")), None);
    }
}
