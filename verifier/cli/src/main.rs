//! The twinbuild command: did these bytes come from that source?
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod configuration;
mod confined;
mod failure;
mod fleet;
mod given;
mod keys;
mod ledgers;
mod limits;
mod logs;
mod metrics;
mod next_step;
mod progress;
mod seen;
mod settings;
mod signals;
mod topics;
mod upload;

use std::process::ExitCode;

use arguments::{Arguments, Command, Corpus};
use failure::Failure;

fn main() -> ExitCode {
    // Both must come before there are threads: the program may have been started as a sandbox's init, or as a tool.
    twinbuild_sandbox::init_if_requested();
    if let Some(code) = twinbuild_environment::answer_as_interpreter() {
        return code;
    }
    let (arguments, command) = match Arguments::read() {
        Ok(read) => read,
        Err(error) => {
            let is_answer = !error.use_stderr();
            if !is_answer && logs::are_asked_for(std::env::args_os()) {
                logs::write_usage(&error);
                return ExitCode::from(failure::USAGE);
            }
            // Nothing is left to do where even this cannot be printed.
            let _ = error.print();
            return if is_answer { ExitCode::SUCCESS } else { ExitCode::from(failure::USAGE) };
        }
    };
    progress::start(arguments.global.verbose, arguments.global.log_format);
    let outcome = std::panic::catch_unwind(|| run(&arguments))
        .unwrap_or_else(|_| Err(Failure::internal(anyhow::anyhow!("the program failed, and this is a bug of it"))));
    progress::finish();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print(&command);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Rebuild(rebuild) => commands::rebuild::run(&arguments.global, rebuild),
        Command::Replay(replay) => commands::replay::run(&arguments.global, replay),
        Command::Infer(infer) => commands::infer::run(&arguments.global, infer),
        Command::Compare(compare) => commands::compare::run(&arguments.global, compare),
        Command::Repack(repack) => commands::repack::run(&arguments.global, repack),
        Command::Normalize(normalize) => commands::normalize::run(&arguments.global, normalize),
        Command::Publish(publish) => commands::publish::run(&arguments.global, publish),
        Command::Retract(retract) => commands::retract::run(&arguments.global, retract),
        Command::Verify(verify) => commands::verify::run(&arguments.global, verify),
        Command::Audit(audit) => commands::audit::run(&arguments.global, audit),
        Command::Key(key) => commands::key::run(&arguments.global, key),
        Command::Witness(witness) => commands::witness::run(&arguments.global, witness),
        Command::RecheckConfined => commands::recheck::run(),
        Command::Corpus(Corpus::Run(corpus)) => commands::corpus::run(&arguments.global, corpus),
        Command::Corpus(Corpus::CheckRecipes(check)) => commands::check_recipes::run(&arguments.global, check),
        Command::Nightly(nightly) => commands::nightly::run(&arguments.global, nightly),
        Command::Worker(worker) => commands::worker::run(&arguments.global, worker),
        Command::Jobs(jobs) => commands::jobs::run(&arguments.global, jobs),
        Command::Status(status) => commands::status::run(&arguments.global, status),
        Command::History(history) => commands::history::run(&arguments.global, history),
        Command::Gc(gc) => commands::gc::run(&arguments.global, gc),
        Command::Env(env) => commands::env::run(&arguments.global, env),
        Command::Doctor => commands::doctor::run(&arguments.global),
        Command::Completions(completions) => commands::completions::run(&arguments.global, completions),
        Command::Man(man) => commands::man::run(&arguments.global, man),
        Command::Help(help) => commands::help::run(help),
    }
}
