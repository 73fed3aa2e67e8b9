//! External tools: each of one pinned version, fetched by digest, verified at each use.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use twinbuild_archive::{ArchiveFile, Format, Limits, ReadError};
use twinbuild_store::{Blob, Staging, Store, StoreError};
use twinbuild_subject::{PackageName, Sha256, Sha256Hasher};

use crate::{Platform, Pypi, RegistryError};

/// The version of uv that is used, the newest that was a week old on 2026-11-22. A change of it may change which build
/// requirements are resolved.
pub const UV_VERSION: &str = "0.13.8";

/// Static programs, which run in any root file system.
static UV: [(Platform, Tool<'static>); 2] = [
    (
        Platform::LinuxX86_64,
        Tool {
            project: "uv",
            wheel: "uv-0.13.8-py3-none-musllinux_1_1_x86_64.whl",
            wheel_sha256: "29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a",
            wheel_size_bytes: 19_139_972,
            member: "uv-0.13.8.data/scripts/uv",
            program: "uv",
            program_sha256: "a880db7f5f6745b5ec80aa6ccafdce06ddab1434013b55c62bb2fded1e2f9cb5",
        },
    ),
    (
        Platform::LinuxAarch64,
        Tool {
            project: "uv",
            wheel: "uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
            wheel_sha256: "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
            wheel_size_bytes: 17_953_056,
            member: "uv-0.13.8.data/scripts/uv",
            program: "uv",
            program_sha256: "5aa4427bd923cfdca2d56a3577f60d8fa7825aa3b496fef975dfd6f03db57d28",
        },
    ),
];

/// Why a pinned tool cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// No program is pinned for the machine that this runs on.
    #[error("no {tool} is pinned for this machine ({system} on {machine}): Linux on x86_64 and aarch64 are known")]
    Platform {
        /// The tool.
        tool: &'static str,
        /// The operating system.
        system: &'static str,
        /// The processor.
        machine: &'static str,
    },
    /// The wheel that holds it cannot be had.
    #[error("the pinned wheel {wheel} cannot be had: {source}")]
    Registry {
        /// The wheel.
        wheel: String,
        /// The cause.
        source: Box<RegistryError>,
    },
    /// The wheel that holds it cannot be read.
    #[error("the pinned wheel {wheel} cannot be read: {source}")]
    Archive {
        /// The wheel.
        wheel: String,
        /// The cause.
        source: Box<ReadError>,
    },
    /// The program in the wheel is not the one that is pinned.
    #[error("the pinned wheel {wheel} has {} as {member} where {expected} is pinned: this build of twinbuild is inconsistent",
        found.map_or_else(|| "nothing".to_owned(), |found| found.to_string()))]
    OtherProgram {
        /// The wheel.
        wheel: String,
        /// The program's name in it.
        member: String,
        /// The digest that is pinned.
        expected: Sha256,
        /// The digest of what is there.
        found: Option<Sha256>,
    },
    /// A pinned digest is none.
    #[error("the digest {text:?} pinned for {wheel} is none: this build of twinbuild is inconsistent")]
    Pin {
        /// The wheel.
        wheel: String,
        /// What is pinned.
        text: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A static uv of the version [`UV_VERSION`] that runs on this machine: a read-only file whose content has just been
/// verified.
///
/// # Errors
/// [`ToolError`]. Offline, [`ToolError::Registry`] with a [`twinbuild_store::FetchError::Offline`] if it is not held.
pub fn uv(store: &Store, pypi: &Pypi) -> Result<PathBuf, ToolError> {
    pinned_uv()?.provide(store, pypi)
}

/// The digest of the program that [`uv`] gives, without fetching it.
///
/// # Errors
/// [`ToolError::Platform`], [`ToolError::Pin`].
pub fn uv_digest() -> Result<Sha256, ToolError> {
    let pinned = pinned_uv()?;
    pinned.pin(pinned.program_sha256)
}

/// The wheel that holds the program that [`uv`] gives, without fetching it.
///
/// # Errors
/// [`ToolError::Platform`], [`ToolError::Pin`].
pub fn uv_wheel() -> Result<PinnedWheel, ToolError> {
    let pinned = pinned_uv()?;
    Ok(PinnedWheel {
        project: pinned.project.parse().map_err(|_| pinned.broken(pinned.project))?,
        file_name: pinned.wheel,
        sha256: pinned.pin(pinned.wheel_sha256)?,
        size_bytes: pinned.wheel_size_bytes,
    })
}

/// A wheel whose digest is committed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedWheel {
    /// The project.
    pub project: PackageName,
    /// The wheel's file name.
    pub file_name: &'static str,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size_bytes: u64,
}

fn pinned_uv() -> Result<&'static Tool<'static>, ToolError> {
    let here = Platform::host();
    let pinned = UV.iter().find(|(platform, _)| Some(*platform) == here).map(|(_, tool)| tool);
    pinned.ok_or(ToolError::Platform { tool: "uv", system: std::env::consts::OS, machine: std::env::consts::ARCH })
}

/// A program in a wheel.
struct Tool<'a> {
    project: &'a str,
    wheel: &'a str,
    wheel_sha256: &'a str,
    wheel_size_bytes: u64,
    member: &'a str,
    program: &'a str,
    program_sha256: &'a str,
}

impl Tool<'_> {
    /// The program: the one that is held, if it is whole, else from the wheel.
    fn provide(&self, store: &Store, pypi: &Pypi) -> Result<PathBuf, ToolError> {
        let expected = self.pin(self.program_sha256)?;
        let layer = format!("tool-{expected}");
        if let Some(path) = self.held(store, &layer, expected)? {
            return Ok(path);
        }
        let _only_one = store.lock(&layer)?;
        if let Some(path) = self.held(store, &layer, expected)? {
            return Ok(path);
        }
        store.remove_layer(&layer)?;
        let wheel = self.wheel(store, pypi)?;
        let staging = store.staging()?;
        let program = staging.path().join(self.program);
        self.extract(&wheel, &program)?;
        self.publish(store, &layer, expected, staging)
    }

    /// The program that was published before, if it still is what it was.
    fn held(&self, store: &Store, layer: &str, expected: Sha256) -> Result<Option<PathBuf>, ToolError> {
        let Some(folder) = store.layer(layer)? else { return Ok(None) };
        let path = folder.join(self.program);
        let is_whole = digest(&path)? == Some(expected);
        if !is_whole {
            tracing::warn!(path = %path.display(), "a program of the cache is damaged and is made again");
        }
        Ok(is_whole.then_some(path))
    }

    /// The wheel, by its pinned digest; the index only says where it is.
    fn wheel(&self, store: &Store, pypi: &Pypi) -> Result<Blob, ToolError> {
        let expected = self.pin(self.wheel_sha256)?;
        if let Some(blob) = store.blob(&expected)? {
            return Ok(blob);
        }
        let failed = |source| ToolError::Registry { wheel: self.wheel.to_owned(), source: Box::new(source) };
        let name = self.project.parse().map_err(|_| self.broken(self.project))?;
        let project = pypi.project(&name).map_err(failed)?;
        let listed = project.files.iter().find(|file| file.file_name.text() == self.wheel);
        let other = |found| RegistryError::NotThePinned { file_name: self.wheel.to_owned(), expected, found };
        let listed = listed.ok_or_else(|| failed(other(None)))?;
        if listed.sha256 != Some(expected) || listed.size_bytes.is_some_and(|size| size != self.wheel_size_bytes) {
            return Err(failed(other(listed.sha256)));
        }
        pypi.download(listed).map_err(failed)
    }

    /// Writes the program to `target`.
    fn extract(&self, wheel: &Blob, target: &Path) -> Result<(), ToolError> {
        let failed = |source| ToolError::Archive { wheel: self.wheel.to_owned(), source: Box::new(source) };
        let unreadable = |source| failed(ReadError::Io { offset: 0, source });
        let file = wheel.file().try_clone().and_then(ArchiveFile::new).map_err(unreadable)?;
        twinbuild_archive::visit(&file, Format::Zip, &Limits::default(), &mut |member, contents| {
            if member.path.as_bytes() == self.member.as_bytes() && member.is_file() {
                let mut program = File::create_new(target)?;
                io::copy(contents, &mut program)?;
                program.sync_all()?;
            }
            Ok(())
        })
        .map_err(failed)?;
        Ok(())
    }

    /// Makes the program read-only and publishes it, if it is the pinned one.
    fn publish(&self, store: &Store, layer: &str, expected: Sha256, staging: Staging) -> Result<PathBuf, ToolError> {
        let program = staging.path().join(self.program);
        let found = digest(&program)?;
        if found != Some(expected) {
            let (wheel, member) = (self.wheel.to_owned(), self.member.to_owned());
            return Err(ToolError::OtherProgram { wheel, member, expected, found });
        }
        fs::set_permissions(&program, Permissions::from_mode(0o555)).map_err(|source| StoreError::Io {
            doing: "make executable",
            path: program,
            source,
        })?;
        Ok(store.publish_layer(layer, staging)?.join(self.program))
    }

    fn pin(&self, text: &str) -> Result<Sha256, ToolError> {
        text.parse().map_err(|_| self.broken(text))
    }

    fn broken(&self, text: &str) -> ToolError {
        ToolError::Pin { wheel: self.wheel.to_owned(), text: text.to_owned() }
    }
}

/// The digest of a file; `None` if there is none.
fn digest(path: &Path) -> Result<Option<Sha256>, StoreError> {
    let mut hasher = Sha256Hasher::new();
    match File::open(path).and_then(|mut file| io::copy(&mut file, &mut hasher)) {
        Ok(_) => Ok(Some(hasher.finish())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Io { doing: "read", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use twinbuild_store::{FetchError, Network};

    use super::*;
    use crate::PypiIndex;
    use crate::test_server::{TestServer, store};

    const WHEEL: &[u8] = include_bytes!("../fixtures/tool-1-py3-none-any.whl");
    const PROGRAM: &[u8] = b"#!/bin/sh\necho a tool\n";

    fn server(wheel: &'static [u8], listed: Sha256) -> TestServer {
        TestServer::start(move |path, _| match path {
            "/simple/tool/" => {
                let file = format!(
                    r#"{{"filename":"tool-1-py3-none-any.whl","url":"/tool.whl","hashes":{{"sha256":"{listed}"}}}}"#
                );
                let page = format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"tool","files":[{file}]}}"#);
                Some(("application/json", page.into_bytes()))
            }
            "/tool.whl" => Some(("application/octet-stream", wheel.to_vec())),
            _ => None,
        })
    }

    fn provide(
        folder: &tempfile::TempDir,
        network: Network,
        server: &TestServer,
        program: &[u8],
    ) -> Result<PathBuf, ToolError> {
        let store = store(folder, network);
        let index = PypiIndex::discover(Some(&format!("{}simple", server.base)), |_| None).unwrap();
        let tool = Tool {
            project: "tool",
            wheel: "tool-1-py3-none-any.whl",
            wheel_sha256: &Sha256::of(WHEEL).to_string(),
            wheel_size_bytes: WHEEL.len() as u64,
            member: "tool-1.data/scripts/tool",
            program: "tool",
            program_sha256: &Sha256::of(program).to_string(),
        };
        tool.provide(&store, &Pypi::new(store.clone(), index))
    }

    #[test]
    fn a_program_is_extracted_once_and_made_again_when_damaged() {
        let server = server(WHEEL, Sha256::of(WHEEL));
        let folder = tempfile::tempdir().unwrap();
        let path = provide(&folder, Network::Online, &server, PROGRAM).unwrap();
        assert_eq!(fs::read(&path).unwrap(), PROGRAM);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o555);
        fs::remove_dir_all(folder.path().join("blobs")).unwrap();
        assert_eq!(provide(&folder, Network::Offline, &server, PROGRAM).unwrap(), path);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        fs::write(&path, "evil").unwrap();
        assert_eq!(provide(&folder, Network::Online, &server, PROGRAM).unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), PROGRAM);
        let output = std::process::Command::new(&path).output().unwrap();
        assert_eq!(output.stdout, b"a tool\n");
    }

    #[test]
    fn other_wheels_and_other_programs_are_refused() {
        let honest = server(WHEEL, Sha256::of(WHEEL));
        let relisted = server(b"other", Sha256::of(b"other"));
        let swapped = server(b"other", Sha256::of(WHEEL));
        let try_with =
            |server, network, program| provide(&tempfile::tempdir().unwrap(), network, server, program).unwrap_err();
        let of_index = |error: ToolError| match error {
            ToolError::Registry { source, .. } => *source,
            other => panic!("{other}"),
        };
        let error = of_index(try_with(&relisted, Network::Online, PROGRAM));
        assert!(matches!(error, RegistryError::NotThePinned { .. }), "{error}");
        let error = of_index(try_with(&swapped, Network::Online, PROGRAM));
        assert!(matches!(error, RegistryError::Fetch(FetchError::DigestMismatch(_))), "{error}");
        let error = of_index(try_with(&honest, Network::Offline, PROGRAM));
        assert!(matches!(error, RegistryError::Fetch(FetchError::Offline { .. })), "{error}");
        let error = try_with(&honest, Network::Online, b"another program");
        assert!(matches!(error, ToolError::OtherProgram { found: Some(_), .. }), "{error}");
    }

    #[test]
    fn every_pin_is_well_formed() {
        for (platform, tool) in &UV {
            assert!(tool.pin(tool.wheel_sha256).is_ok() && tool.pin(tool.program_sha256).is_ok());
            assert!(tool.wheel.contains(UV_VERSION) && tool.wheel.contains(platform.python_machine()));
            assert!(tool.wheel.contains("musllinux"), "only the musl program is static");
        }
    }
}
