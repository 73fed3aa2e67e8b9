//! What the command line says of ledgers: who publishes, who checks, and with which keys.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use twinbuild_subject::Sha256;

/// Who publishes, and where.
#[derive(Debug, Args)]
pub(crate) struct Publishing {
    /// The folder of the ledger, which is made where it is not there
    #[arg(long, value_name = "DIR", env = "TWINBUILD_LEDGER")]
    pub(crate) ledger: PathBuf,
    /// The key that signs verdicts
    #[arg(long, value_name = "FILE", env = "TWINBUILD_KEY")]
    pub(crate) key: PathBuf,
    /// A public key that signed verdicts of this ledger before, as one that was rotated
    #[arg(long = "former-key", value_name = "FILE")]
    pub(crate) former_keys: Vec<PathBuf>,
    /// The key that signs the log's checkpoints
    #[arg(long, value_name = "FILE", env = "TWINBUILD_LOG_KEY")]
    pub(crate) log_key: PathBuf,
    /// The name of the log: where it is found, without a scheme, such as verdicts.example/log
    #[arg(long, value_name = "NAME", env = "TWINBUILD_ORIGIN")]
    pub(crate) origin: String,
    /// How the pages of the ledger are headed
    #[arg(long, value_name = "TEXT", default_value = "Verdicts", env = "TWINBUILD_SITE_TITLE")]
    pub(crate) title: String,
    /// Where the pages are found
    #[arg(long, value_name = "URL", env = "TWINBUILD_SITE_URL")]
    pub(crate) site_url: Option<String>,
    /// Who is told of what is wrong, as mailto: or https: (RFC 9116)
    #[arg(long, value_name = "URI", env = "TWINBUILD_SECURITY_CONTACT")]
    pub(crate) security_contact: Option<String>,
    /// Write no pages
    #[arg(long)]
    pub(crate) no_site: bool,
    /// Send the ledger there, too, once it is written: an object store, such as s3://bucket/prefix
    #[arg(long = "to", value_name = "URL", env = "TWINBUILD_LEDGER_STORE")]
    pub(crate) store: Option<String>,
}

/// `twinbuild publish`
#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    pub(crate) to: Publishing,
    /// Who verifies, as an address: with it a verification summary (SLSA) is published beside each verdict that one follows from
    #[arg(long, value_name = "URI", env = "TWINBUILD_VERIFIER_ID")]
    pub(crate) verifier_id: Option<String>,
    /// What builds, as an address: with it the provenance (SLSA) of what was rebuilt is published
    #[arg(long, value_name = "URI", env = "TWINBUILD_BUILDER_ID")]
    pub(crate) builder_id: Option<String>,
    /// Keep a verdict with an alert back for so long after it was come to, such as 14d: whoever it concerns is to be told first
    #[arg(long, value_name = "DURATION", value_parser = hold)]
    pub(crate) hold: Option<SignedDuration>,
    /// Publish over a newer verdict, or over one that was retracted or disputed
    #[arg(long)]
    pub(crate) supersede: bool,
    /// Publish verdicts on files of this machine, too
    #[arg(long)]
    pub(crate) allow_local: bool,
    /// Publish nothing but that the ledger is still kept, as consumers refuse one that stands still
    #[arg(long, conflicts_with = "verdicts")]
    pub(crate) refresh: bool,
    /// The verdicts, each as `twinbuild rebuild --keep` left it in a folder with its files
    #[arg(required_unless_present = "refresh", value_name = "VERDICT.json")]
    pub(crate) verdicts: Vec<PathBuf>,
}

/// How long something is kept back: days have 24 hours.
fn hold(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| format!("{error}"))?;
    if duration.is_negative() { Err("it is negative".to_owned()) } else { Ok(duration) }
}

/// `twinbuild retract`
#[derive(Debug, Args)]
pub(crate) struct Retract {
    #[command(flatten)]
    pub(crate) to: Publishing,
    /// That somebody objects, and not that it is taken back
    #[arg(long)]
    pub(crate) dispute: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The SHA-256 of the file whose newest verdict it is
    #[arg(value_name = "SHA256")]
    pub(crate) subject: Sha256,
}

/// `twinbuild verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The ledger, in place of where the policy's only one is
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) ledger: Option<String>,
    /// What is demanded, and the keys of the ledgers
    #[arg(long, value_name = "FILE", env = "TWINBUILD_POLICY")]
    pub(crate) policy: PathBuf,
    /// Check by this file alone, which carries its proof
    #[arg(long, value_name = "FILE", conflicts_with = "ledger")]
    pub(crate) bundle: Option<PathBuf>,
    /// Write all that is needed to check the one file offline
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    pub(crate) save_bundle: Option<PathBuf>,
    /// Check what a lock file pins: requirements.txt with hashes, uv.lock, pylock.toml, poetry.lock, Pipfile.lock
    #[arg(long, value_name = "LOCK", conflicts_with_all = ["bundle", "save_bundle"])]
    pub(crate) requirements: Vec<PathBuf>,
    /// Check what is installed in a virtual environment, or in a folder such as site-packages
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bundle", "save_bundle"])]
    pub(crate) installed: Vec<PathBuf>,
    /// The files
    #[arg(required_unless_present_any = ["requirements", "installed"], value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// `twinbuild audit`
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The ledger, in place of where the policy's only one is
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) ledger: Option<String>,
    /// The keys of the ledger
    #[arg(long, value_name = "FILE", env = "TWINBUILD_POLICY")]
    pub(crate) policy: PathBuf,
}

/// Witnesses, who sign the checkpoints of others' logs.
#[derive(Debug, Subcommand)]
pub(crate) enum Witness {
    /// Print a cosignature of a ledger's newest checkpoint, once it was held against the one before
    Sign(WitnessSign),
    /// Put cosignatures below the checkpoint of a ledger of one's own
    Add(WitnessAdd),
}

/// `twinbuild witness sign`
#[derive(Debug, Args)]
pub(crate) struct WitnessSign {
    /// The ledger, in place of where the policy's only one is
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) ledger: Option<String>,
    /// The key of the log
    #[arg(long, value_name = "FILE", env = "TWINBUILD_POLICY")]
    pub(crate) policy: PathBuf,
    /// The witness key
    #[arg(long, value_name = "FILE", env = "TWINBUILD_WITNESS_KEY")]
    pub(crate) key: PathBuf,
    /// Sign for a log of which nothing was seen before
    #[arg(long)]
    pub(crate) first: bool,
    /// The name of the witness, without a scheme, such as witness.example/twinbuild
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
}

/// `twinbuild witness add`
#[derive(Debug, Args)]
pub(crate) struct WitnessAdd {
    /// The folder of the ledger
    #[arg(long, value_name = "DIR", env = "TWINBUILD_LEDGER")]
    pub(crate) ledger: PathBuf,
    /// The witness, as twinbuild key show --name prints it
    #[arg(long, value_name = "VKEY")]
    pub(crate) witness_key: String,
    /// What it answered with: a line of a signed note
    #[arg(value_name = "FILE")]
    pub(crate) cosignature: PathBuf,
}

/// Keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key: FILE, encrypted by a passphrase, and FILE.pub
    Generate(GenerateKey),
    /// Print the public key of a key
    Show(ShowKey),
    /// Make the key that follows another, and a statement of the old one that says so
    Rotate(RotateKey),
}

/// `twinbuild key generate`
#[derive(Debug, Args)]
pub(crate) struct GenerateKey {
    /// What it is to sign; one key signs one kind of thing
    #[arg(long, value_enum, default_value_t = KeyRole::Verdict)]
    pub(crate) role: KeyRole,
    /// Ed25519, or ECDSA on P-256 for tools that know no other
    #[arg(long, value_enum, default_value_t = KeyAlgorithm::Ed25519)]
    pub(crate) kind: KeyAlgorithm,
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `twinbuild key show`
#[derive(Debug, Args)]
pub(crate) struct ShowKey {
    /// The name of the log or witness, by which signed notes know it
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The key, or its FILE.pub
    #[arg(value_name = "FILE")]
    pub(crate) key: PathBuf,
}

/// `twinbuild key rotate`
#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// The key so far
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Where the new one goes; the statement goes to FILE.rotation.json
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// What a key is to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyRole {
    /// Statements
    Verdict,
    /// Checkpoints of a log
    Log,
    /// Checkpoints of others' logs
    Witness,
    /// What a worker returns
    Worker,
}

/// What a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyAlgorithm {
    /// Ed25519
    Ed25519,
    /// ECDSA on P-256
    P256,
}
