//! Keys as text and as files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;
use twinbuild_signature::{KeyError, KeyFileError, KeyKind, Passphrase, PrivateKey, PublicKey, Role, Sign as _};

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyKind::Ed25519, Role::Verdict).unwrap());
static TEXT: LazyLock<String> = LazyLock::new(|| KEY.to_encrypted_pem(&passphrase()).unwrap());

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").unwrap()
}

#[test]
fn a_key_comes_back_with_its_role() {
    for (kind, role) in [
        (KeyKind::Ed25519, Role::Verdict),
        (KeyKind::Ed25519, Role::Log),
        (KeyKind::Ed25519, Role::Witness),
        (KeyKind::Ed25519, Role::Worker),
        (KeyKind::P256, Role::Verdict),
    ] {
        let key = PrivateKey::generate(kind, role).unwrap();
        let text = key.to_encrypted_pem(&passphrase()).unwrap();
        let read = PrivateKey::from_encrypted_pem(&text, &passphrase()).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        assert_eq!((read.public_key().kind(), read.public_key().role()), (kind, role));
        key.public_key().verify(b"message", read.sign(b"message").unwrap().as_bytes()).unwrap();

        let public = key.public_key().to_pem().unwrap();
        assert_eq!(&PublicKey::from_pem(&public, role).unwrap(), key.public_key());
        let block = public.split_once('\n').unwrap().1;
        assert!(block.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{public}");
        assert_eq!(&PublicKey::from_pem(block, role).unwrap(), key.public_key(), "as other programs write it");
    }
}

#[test]
fn the_same_key_is_never_encrypted_the_same_way() {
    assert_ne!(*TEXT, KEY.to_encrypted_pem(&passphrase()).unwrap());
    assert!(TEXT.contains("\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{}", *TEXT);
}

#[test]
fn a_wrong_passphrase_is_told_from_a_damaged_key() {
    for other in ["correct horsf", "Correct horse", "correct horse ", "x"] {
        let other = Passphrase::new(other).unwrap();
        assert_eq!(PrivateKey::from_encrypted_pem(&TEXT, &other).unwrap_err(), KeyError::WrongPassphrase);
    }
    let cut = &TEXT[..TEXT.len() / 2];
    assert!(PrivateKey::from_encrypted_pem(cut, &passphrase()).is_err());
    let lines: Vec<&str> = TEXT.lines().collect();
    let shorter = [&lines[..3], &lines[4..]].concat().join("\n") + "\n";
    let error = PrivateKey::from_encrypted_pem(&shorter, &passphrase()).unwrap_err();
    assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
}

#[test]
fn a_key_with_one_flipped_bit_is_refused_and_never_taken_for_a_wrong_passphrase() {
    for index in 0..TEXT.len() {
        for bit in 0..8 {
            let mut bytes = TEXT.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            match PrivateKey::from_encrypted_pem(&text, &passphrase()) {
                Err(KeyError::WrongPassphrase) => panic!("bit {bit} of byte {index}"),
                Err(_) => {}
                Ok(_) => panic!("bit {bit} of byte {index} makes no difference"),
            }
        }
    }
}

#[test]
fn the_first_line_cannot_give_a_key_another_role() {
    let other = TEXT.replacen("role=verdict", "role=log", 1);
    let error = PrivateKey::from_encrypted_pem(&other, &passphrase()).unwrap_err();
    assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
    let expected = KeyError::WrongRole { id: KEY.public_key().id(), found: Role::Verdict, expected: Role::Log };
    assert_eq!(PrivateKey::import(&TEXT, &passphrase(), Role::Log).unwrap_err(), expected);

    let public = KEY.public_key().to_pem().unwrap();
    assert_eq!(PublicKey::from_pem(&public, Role::Log).unwrap_err(), expected);
    let other = PrivateKey::generate(KeyKind::Ed25519, Role::Verdict).unwrap().public_key().to_pem().unwrap();
    let mixed = format!("{}\n{}", public.split_once('\n').unwrap().0, other.split_once('\n').unwrap().1);
    assert!(matches!(PublicKey::from_pem(&mixed, Role::Verdict), Err(KeyError::Damaged { .. })));
}

#[test]
fn a_list_with_one_key_in_two_roles_is_refused() {
    let key = KEY.public_key();
    let bytes = key.as_ed25519().unwrap();
    let as_log = PublicKey::from_ed25519(bytes, Role::Log).unwrap();
    assert_eq!(as_log.id(), key.id());
    PublicKey::require_one_role_each([key, key]).unwrap();
    let error = PublicKey::require_one_role_each([key, &as_log]).unwrap_err();
    assert_eq!(error, KeyError::TwoRoles { id: key.id(), first: Role::Verdict, second: Role::Log });
}

#[test]
fn text_without_an_encrypted_key_says_what_is_missing() {
    let refused = |text: &str| PrivateKey::from_encrypted_pem(text, &passphrase()).unwrap_err();
    assert!(matches!(refused(""), KeyError::NoKey { .. }));
    assert!(matches!(refused(&KEY.public_key().to_pem().unwrap()), KeyError::NoKey { .. }));
    let block = TEXT.split_once('\n').unwrap().1;
    assert_eq!(refused(block), KeyError::NoRole, "a key without its first line has to be imported");
    let imported = PrivateKey::import(block, &passphrase(), Role::Verdict).unwrap();
    assert_eq!(imported.public_key(), KEY.public_key());
}

#[test]
fn passphrases_of_no_or_too_many_bytes_are_refused() {
    assert_eq!(Passphrase::new("").unwrap_err(), KeyError::EmptyPassphrase);
    assert!(Passphrase::new(vec![b'x'; 1024]).is_ok());
    assert_eq!(Passphrase::new(vec![b'x'; 1025]).unwrap_err(), KeyError::LongPassphrase { bytes: 1025, limit: 1024 });
}

struct Folder(TempDir);

impl Folder {
    fn with_key() -> (Self, std::path::PathBuf) {
        let folder = Self(tempfile::tempdir().unwrap());
        let path = folder.0.path().join("verdict.key");
        KEY.create_file(&path, &passphrase()).unwrap();
        (folder, path)
    }
}

fn refused(path: &Path) -> KeyFileError {
    PrivateKey::read_file(path, &passphrase()).unwrap_err()
}

#[test]
fn a_file_is_written_once_and_for_its_owner_only() {
    let (folder, path) = Folder::with_key();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(PrivateKey::read_file(&path, &passphrase()).unwrap().public_key(), KEY.public_key());
    let before = fs::read(&path).unwrap();
    let error = KEY.create_file(&path, &passphrase()).unwrap_err();
    assert!(matches!(&error, KeyFileError::Exists { path: named } if *named == path), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);

    let link = folder.0.path().join("new.key");
    symlink(folder.0.path().join("nowhere"), &link).unwrap();
    assert!(matches!(KEY.create_file(&link, &passphrase()), Err(KeyFileError::Exists { .. })));
    let nowhere = folder.0.path().join("no/folder");
    assert!(matches!(KEY.create_file(&nowhere, &passphrase()), Err(KeyFileError::Io { .. })));

    let public = folder.0.path().join("verdict.pub");
    KEY.public_key().create_file(&public).unwrap();
    assert_eq!(fs::metadata(&public).unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(&PublicKey::read_file(&public, Role::Verdict).unwrap(), KEY.public_key());
    assert!(matches!(
        PublicKey::read_file(&public, Role::Witness),
        Err(KeyFileError::Key { source: KeyError::WrongRole { .. }, .. })
    ));
}

#[test]
fn a_file_that_others_can_use_is_refused_by_its_mode() {
    let (_folder, path) = Folder::with_key();
    for bits in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001, 0o066] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600 | bits)).unwrap();
        let error = refused(&path);
        assert!(matches!(error, KeyFileError::Mode { mode, .. } if mode == 0o600 | bits), "{error}");
        let message = error.to_string();
        assert!(message.contains(&format!("{:04o}", 0o600 | bits)) && message.contains("verdict.key"), "{message}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(PrivateKey::read_file(&path, &passphrase()).is_ok());
}

#[test]
fn a_file_of_another_user_is_refused() {
    let (_folder, path) = Folder::with_key();
    let path = match rustix::process::geteuid().is_root() {
        true => {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            path
        }
        false => "/etc/passwd".into(),
    };
    assert!(matches!(refused(&path), KeyFileError::Owner { .. }));
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let (folder, path) = Folder::with_key();
    let link = folder.0.path().join("link.key");
    symlink(&path, &link).unwrap();
    let pipe = folder.0.path().join("pipe.key");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let nested = folder.0.path().join("folder.key");
    fs::create_dir(&nested).unwrap();
    fs::set_permissions(&nested, fs::Permissions::from_mode(0o700)).unwrap();
    for path in [link, pipe, nested] {
        let error = refused(&path);
        assert!(matches!(error, KeyFileError::NotRegular { .. }), "{error}");
    }
    assert!(matches!(refused(&folder.0.path().join("none.key")), KeyFileError::Io { .. }));
}

#[test]
fn a_file_of_more_than_64_kibibytes_or_without_text_is_refused() {
    let (_folder, path) = Folder::with_key();
    fs::write(&path, vec![b'x'; (64 << 10) + 1]).unwrap();
    assert!(matches!(refused(&path), KeyFileError::TooLarge { .. }));
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(refused(&path), KeyFileError::Key { source: KeyError::Damaged { .. }, .. }));
}
