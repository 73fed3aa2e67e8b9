//! Keys and their passphrases.

use std::path::Path;

use anyhow::anyhow;
use twinbuild_signature::{Passphrase, PrivateKey, PublicKey, Role, Sign as _};

use crate::failure::Failure;
use crate::{given, progress};

/// Where the passphrase of a key is, where nobody can be asked.
const PASSPHRASE: &str = "TWINBUILD_KEY_PASSPHRASE";
/// That of the key of the log, where it is another one.
const LOG_PASSPHRASE: &str = "TWINBUILD_LOG_KEY_PASSPHRASE";

/// Reads a key that has this role.
pub(crate) fn read(path: &Path, role: Role) -> Result<PrivateKey, Failure> {
    given::file(path)?;
    let passphrase = passphrase(path, role, false)?;
    let key = PrivateKey::read_file(path, &passphrase).map_err(Failure::usage)?;
    key.public_key().require(role).map_err(Failure::usage)?;
    Ok(key)
}

/// The public key of a file with a private or a public one.
pub(crate) fn public(path: &Path) -> Result<PublicKey, Failure> {
    given::file(path)?;
    for role in [Role::Verdict, Role::Log, Role::Witness, Role::Worker] {
        if let Ok(key) = PublicKey::read_file(path, role) {
            return Ok(key);
        }
    }
    let passphrase = passphrase(path, Role::Verdict, false)?;
    Ok(PrivateKey::read_file(path, &passphrase).map_err(Failure::usage)?.public_key().clone())
}

/// The passphrase of a key: of a variable, or asked for; twice, for a new one.
pub(crate) fn passphrase(path: &Path, role: Role, is_new: bool) -> Result<Passphrase, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let of_log = if role == Role::Log { variable(LOG_PASSPHRASE) } else { None };
    if let Some(text) = of_log.or_else(|| variable(PASSPHRASE)) {
        return Passphrase::new(text).map_err(Failure::usage);
    }
    progress::finish();
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt).map_err(|error| {
            Failure::usage(anyhow!(
                "no passphrase: nobody can be asked ({error}): set {PASSPHRASE}, or run it on a terminal"
            ))
        })
    };
    let text = ask(format!("Passphrase of {}: ", path.display()))?;
    if is_new && ask("Once more: ".to_owned())? != text {
        return Err(Failure::usage(anyhow!("the passphrases are not the same: try again")));
    }
    Passphrase::new(text).map_err(Failure::usage)
}
