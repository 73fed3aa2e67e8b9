//! Keys that a command reaches: in hardware, or with a service.

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::{PublicKey, Sign, SignError, Signature, base64};

/// How long a command may take, unless its user says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that somebody may ask for.
const LONGEST: Duration = Duration::from_secs(3600);
/// A signature in base64 has about a hundred bytes.
const OUTPUT_BYTES: u64 = 4 << 10;
/// How much of what the command says on standard error is kept.
const WORDS_BYTES: usize = 1 << 10;
/// How often it is looked whether the command ended.
const PAUSE: Duration = Duration::from_millis(5);

/// A key that is reached through a command.
///
/// The command is started without a shell, in the environment of this process. It gets the message on standard input,
/// until its end, and writes the signature on standard output in base64 (standard alphabet, with padding; a newline may
/// follow): 64 bytes for Ed25519, DER for ECDSA P-256, where it hashes the message with SHA-256 itself. It ends with
/// exit code 0. What it gives is verified before it is used.
#[derive(Debug, Clone)]
pub struct CommandSigner {
    program: OsString,
    arguments: Vec<OsString>,
    public_key: PublicKey,
    timeout: Duration,
}

impl CommandSigner {
    /// `program` with `arguments`, looked for on `PATH` if it has no slash; what it signs has to hold under
    /// `public_key`.
    #[must_use]
    pub fn new(program: OsString, arguments: Vec<OsString>, public_key: PublicKey) -> Self {
        Self { program, arguments, public_key, timeout: TIMEOUT }
    }

    /// Another time than 30 s to wait, for a key whose owner has to touch it; at most an hour.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.min(LONGEST), ..self }
    }

    fn program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    fn failed_to(&self, doing: &'static str) -> impl Fn(io::Error) -> SignError {
        let program = self.program();
        move |source| SignError::Command { doing, program: program.clone(), source }
    }

    /// What the command wrote on standard output.
    fn run(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(self.failed_to("start"))?;
        let ended = self.follow(&mut child, message);
        // After any other end it runs no more, and its number may be another's.
        if ended.is_err() && !matches!(ended, Err(SignError::Status { .. })) {
            kill(&mut child);
        }
        ended
    }

    fn follow(&self, child: &mut Child, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let deadline = Instant::now() + self.timeout;
        if let Some(mut input) = child.stdin.take() {
            let message = message.to_vec();
            // A command that does not read its input to the end cannot have signed it, which verifying shows.
            thread::spawn(move || drop(input.write_all(&message)));
        }
        let output = child.stdout.take().map(|pipe| collect(pipe, OUTPUT_BYTES));
        let words = child.stderr.take().map(|pipe| collect(pipe, 1 << 20));
        let status = self.wait(child, deadline)?;
        let rest = |pipe: Option<mpsc::Receiver<io::Result<Vec<u8>>>>| match pipe {
            Some(pipe) => pipe
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .map_err(|_| self.timed_out())?
                .map_err(self.failed_to("read from")),
            None => Ok(Vec::new()),
        };
        if !status.success() {
            let words = rest(words).unwrap_or_default();
            let words =
                String::from_utf8_lossy(&words[words.len().saturating_sub(WORDS_BYTES)..]).trim_end().to_owned();
            return Err(SignError::Status { program: self.program(), status, words });
        }
        rest(output)
    }

    fn wait(&self, child: &mut Child, deadline: Instant) -> Result<ExitStatus, SignError> {
        loop {
            if let Some(status) = child.try_wait().map_err(self.failed_to("wait for"))? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(self.timed_out());
            }
            thread::sleep(PAUSE);
        }
    }

    fn timed_out(&self) -> SignError {
        SignError::TimedOut { program: self.program(), timeout_secs: self.timeout.as_secs() }
    }
}

impl Sign for CommandSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let output = self.run(message)?;
        let wrong = |found: String| SignError::Output { program: self.program(), found };
        if output.len() as u64 > OUTPUT_BYTES {
            return Err(wrong(format!("more than {OUTPUT_BYTES} bytes")));
        }
        let bytes =
            std::str::from_utf8(&output).ok().and_then(|text| base64::decode(text.trim_end_matches(['\r', '\n'])));
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| {
            let start = String::from_utf8_lossy(&output[..output.len().min(80)]);
            wrong(format!("{} bytes, {start:?}", output.len()))
        })?;
        self.public_key.adopt(message, &bytes).map_err(|source| SignError::Foreign { program: self.program(), source })
    }
}

/// Reads a pipe on a thread of its own, one byte further than `limit`: a child of the command may hold it open.
fn collect(pipe: impl Read + Send + 'static, limit: u64) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.take(limit + 1).read_to_end(&mut bytes);
        // Nobody waits for it any more once the time is over.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver
}

/// Ends the command and what it started.
fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // A group that has ended already is what is wanted.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}
