//! `twinbuild key`

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use twinbuild_signature::{KeyKind, KeyName, PrivateKey, PublicKey, Role, Rotation, Sign as _, VerifierKey};

use super::print;
use crate::arguments::{GenerateKey, Global, Key, KeyAlgorithm, KeyRole, RotateKey, ShowKey};
use crate::failure::Failure;
use crate::{given, keys};

pub(crate) fn run(global: &Global, command: &Key) -> Result<u8, Failure> {
    global.plain_format()?;
    match command {
        Key::Generate(arguments) => generate(arguments),
        Key::Show(arguments) => show(arguments),
        Key::Rotate(arguments) => rotate(arguments),
    }
}

fn generate(GenerateKey { role, kind, out }: &GenerateKey) -> Result<u8, Failure> {
    let role = match role {
        KeyRole::Verdict => Role::Verdict,
        KeyRole::Log => Role::Log,
        KeyRole::Witness => Role::Witness,
        KeyRole::Worker => Role::Worker,
    };
    let kind = match kind {
        KeyAlgorithm::Ed25519 => KeyKind::Ed25519,
        KeyAlgorithm::P256 => KeyKind::P256,
    };
    let key = PrivateKey::generate(kind, role).map_err(Failure::usage)?;
    write(&key, out)?;
    print(&format!("{}\n{}", described(key.public_key()), pem(key.public_key())?))?;
    Ok(0)
}

/// Writes a new key, and its public key beside it.
fn write(key: &PrivateKey, out: &Path) -> Result<(), Failure> {
    given::place(out)?;
    let passphrase = keys::passphrase(out, key.public_key().role(), true)?;
    key.create_file(out, &passphrase).map_err(Failure::usage)?;
    key.public_key().create_file(&beside(out, ".pub")).map_err(Failure::usage)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn described(key: &PublicKey) -> String {
    format!("{} key of kind {}, {}", key.role().as_str(), key.kind().as_str(), key.id())
}

fn pem(key: &PublicKey) -> Result<String, Failure> {
    key.to_pem().map_err(Failure::internal)
}

fn show(ShowKey { name, key }: &ShowKey) -> Result<u8, Failure> {
    let key = keys::public(key)?;
    let mut text = format!("{}\n{}", described(&key), pem(&key)?);
    if let Some(name) = name {
        let name: KeyName = name.parse().map_err(Failure::usage)?;
        text.push_str(&format!("{}\n", VerifierKey::new(name, &key).map_err(Failure::usage)?));
    }
    print(&text)?;
    Ok(0)
}

fn rotate(RotateKey { key, out }: &RotateKey) -> Result<u8, Failure> {
    let role = keys::public(key)?.role();
    let old = keys::read(key, role)?;
    let new = PrivateKey::generate(old.public_key().kind(), role).map_err(Failure::usage)?;
    let rotation = Rotation::sign(&old, new.public_key().clone(), Timestamp::now()).map_err(Failure::usage)?;
    write(&new, out)?;
    let path = beside(out, ".rotation.json");
    let doing = || format!("writing {}", path.display());
    let mut file = File::create_new(&path).with_context(doing).map_err(Failure::usage)?;
    file.write_all(rotation.to_json().as_bytes()).with_context(doing).map_err(Failure::inconclusive)?;
    print(&format!("{}\n{}", described(new.public_key()), pem(new.public_key())?))?;
    Ok(0)
}
