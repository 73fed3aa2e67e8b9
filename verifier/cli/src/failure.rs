//! Why a command could not do its work.

use std::io::Write as _;

use serde_json::{Map, Value};
use twinbuild_judge::JudgeError;

use crate::{logs, next_step};

pub(crate) const USAGE: u8 = 64;
pub(crate) const HOST: u8 = 69;
pub(crate) const INTERNAL: u8 = 70;

/// An error with the exit code that it ends the command with.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    exit_code: u8,
}

impl Failure {
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), exit_code: USAGE }
    }

    pub(crate) fn inconclusive(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), exit_code: 2 }
    }

    /// What was read is proven malformed.
    pub(crate) fn rejected(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), exit_code: 1 }
    }

    pub(crate) fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), exit_code: INTERNAL }
    }

    /// The same, of something larger.
    pub(crate) fn context(self, what: &str) -> Self {
        Self { error: self.error.context(what.to_owned()), exit_code: self.exit_code }
    }

    /// The error and its causes on one line.
    pub(crate) fn on_one_line(&self) -> String {
        format!("{:#}", self.error)
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Prints the error of the command of these words, its causes, each once, and what can be done.
    pub(crate) fn print(&self, command: &[String]) {
        let mut message = self.error.to_string();
        let mut causes: Vec<String> = Vec::new();
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            if !causes.last().unwrap_or(&message).ends_with(&cause) {
                causes.push(cause);
            }
        }
        let next = next_step::of(&self.error, self.exit_code, command);
        if logs::is_json() {
            let mut fields = Map::new();
            fields.insert("causes".to_owned(), causes.into());
            fields.insert("exitCode".to_owned(), self.exit_code.into());
            fields.extend(next.map(|next| ("next".to_owned(), Value::from(next))));
            return logs::write("ERROR", &message, fields);
        }
        message.extend(causes.iter().map(|cause| format!("\n  because {cause}")));
        message.extend(next.map(|next| format!("\n  next: {next}")));
        let text = twinbuild_report::escape(&message);
        // Nothing is left to do where even this cannot be printed.
        let _ = writeln!(anstream::stderr(), "{}error{}: {text}", error_style().render(), error_style().render_reset());
    }
}

fn error_style() -> anstyle::Style {
    anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()))
}

impl From<JudgeError> for Failure {
    fn from(error: JudgeError) -> Self {
        let exit_code = error.exit_code();
        Self { error: error.into(), exit_code }
    }
}
