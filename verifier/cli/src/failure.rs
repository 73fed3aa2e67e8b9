//! Why a command could not do its work.

use std::io::Write as _;

use twinbuild_judge::JudgeError;

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

    /// Prints the error and its causes, each once.
    pub(crate) fn print(&self) {
        let mut text = self.error.to_string();
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            if !text.ends_with(&cause) {
                text = format!("{text}\n  because {cause}");
            }
        }
        let text = twinbuild_report::escape(&text);
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
