//! Projects in git repositories, and what their authors publish of them: built by this host's Python, as they would.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::support::{shared_cache, text};

/// The release, and the tag of its commit.
pub(crate) const SDIST: &str = "demo-1.0.tar.gz";
const TAG: &str = "v1.0";
/// When the commit was made.
const COMMITTED: &str = "2026-01-01T12:00:00Z";

/// How a project is built.
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pyproject: &'static str,
}

const SETUPTOOLS: Backend = Backend {
    name: "setuptools",
    pyproject: "[build-system]\nrequires = ['setuptools>=61']\nbuild-backend = 'setuptools.build_meta'\n\
        [project]\nname = 'demo'\nversion = '1.0'\nreadme = 'README.md'\n[tool.setuptools]\npackages = ['demo']\n",
};

pub(crate) const BACKENDS: [Backend; 7] = [
    SETUPTOOLS,
    Backend {
        name: "setuptools-scm",
        pyproject: "[build-system]\nrequires = ['setuptools>=61', 'setuptools-scm']\nbuild-backend = 'setuptools.build_meta'\n\
            [project]\nname = 'demo'\ndynamic = ['version']\nreadme = 'README.md'\n[tool.setuptools]\npackages = ['demo']\n\
            [tool.setuptools_scm]\nversion_file = 'demo/_version.py'\n",
    },
    Backend {
        name: "hatchling",
        pyproject: "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n\
            [project]\nname = 'demo'\nversion = '1.0'\nreadme = 'README.md'\n",
    },
    Backend {
        name: "hatch-vcs",
        pyproject: "[build-system]\nrequires = ['hatchling', 'hatch-vcs']\nbuild-backend = 'hatchling.build'\n\
            [project]\nname = 'demo'\ndynamic = ['version']\nreadme = 'README.md'\n[tool.hatch.version]\nsource = 'vcs'\n\
            [tool.hatch.build.hooks.vcs]\nversion-file = 'demo/_version.py'\n",
    },
    Backend {
        name: "flit",
        pyproject: "[build-system]\nrequires = ['flit_core>=3.2']\nbuild-backend = 'flit_core.buildapi'\n\
            [project]\nname = 'demo'\ndynamic = ['version', 'description']\nreadme = 'README.md'\n",
    },
    Backend {
        name: "poetry",
        pyproject: "[build-system]\nrequires = ['poetry-core']\nbuild-backend = 'poetry.core.masonry.api'\n\
            [tool.poetry]\nname = 'demo'\nversion = '1.0'\ndescription = 'A demo.'\nauthors = ['A <a@example.invalid>']\n\
            readme = 'README.md'\n",
    },
    Backend {
        name: "pdm",
        pyproject: "[build-system]\nrequires = ['pdm-backend']\nbuild-backend = 'pdm.backend'\n\
            [project]\nname = 'demo'\nversion = '1.0'\nreadme = 'README.md'\n",
    },
];

/// A repository, and where its release is.
pub(crate) struct Release {
    repository: PathBuf,
    pub(crate) sdist: PathBuf,
    pub(crate) wheel: PathBuf,
}

impl Release {
    /// What the release is made from, for `--source` and `--commit`.
    pub(crate) fn commit(&self) -> String {
        format!("git+file://{}@{TAG}", self.repository.display())
    }
}

/// Makes a repository of a project with this backend in a folder, and builds its release.
pub(crate) fn release(folder: &Path, backend: &Backend) -> Release {
    let repository = repository(folder, backend);
    let dist = folder.join("dist");
    // As its author does: from a clone of the tag.
    let clone = folder.join("clone");
    run(Command::new("git").args(["clone", "--quiet", "--branch", TAG, text(&repository), text(&clone)]));
    python(&["-m", "build", "--quiet", "--outdir", text(&dist), text(&clone)]);
    let wheel = the_wheel(&dist);
    Release { repository, sdist: dist.join(SDIST), wheel }
}

/// Writes an sdist again with one more file.
pub(crate) fn poison(sdist: &Path, name: &str, content: &[u8]) {
    let mut old = tar::Archive::new(GzDecoder::new(fs::File::open(sdist).unwrap()));
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for entry in old.entries().unwrap() {
        let mut entry = entry.unwrap();
        let (mut header, path) = (entry.header().clone(), entry.path().unwrap().into_owned());
        let mut held = Vec::new();
        entry.read_to_end(&mut held).unwrap();
        tar.append_data(&mut header, path, held.as_slice()).unwrap();
    }
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_767_268_800);
    tar.append_data(&mut header, format!("demo-1.0/{name}"), content).unwrap();
    let bytes = tar.into_inner().unwrap().finish().unwrap();
    fs::write(sdist, bytes).unwrap();
}

/// The wheel that is built from an sdist.
pub(crate) fn wheel_of(sdist: &Path, folder: &Path) -> PathBuf {
    python(&["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", text(folder), text(sdist)]);
    the_wheel(folder)
}

fn the_wheel(folder: &Path) -> PathBuf {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "whl")).unwrap()
}

fn repository(folder: &Path, backend: &Backend) -> PathBuf {
    let repository = folder.join("repository");
    for (name, content) in [
        ("pyproject.toml", backend.pyproject),
        ("README.md", "# A demo\n"),
        ("LICENSE", "Do what you like.\n"),
        (".gitignore", "*.pyc\n_version.py\n"),
        ("demo/__init__.py", "\"\"\"A demo.\"\"\"\n\n__version__ = '1.0'\n"),
        ("demo/core.py", "VALUE = 42\n"),
        ("tests/test_core.py", "from demo.core import VALUE\n\nassert VALUE == 42\n"),
    ] {
        let path = repository.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let git = |arguments: &[&str]| {
        run(Command::new("git")
            .args(["-C", text(&repository), "-c", "user.name=A", "-c", "user.email=a@example.invalid"])
            .args(arguments)
            .env("GIT_AUTHOR_DATE", COMMITTED)
            .env("GIT_COMMITTER_DATE", COMMITTED));
    };
    git(&["-c", "init.defaultBranch=main", "init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "Release 1.0"]);
    git(&["tag", "--annotate", "--message", "1.0", TAG]);
    repository
}

/// Runs this host's Python, with pip and build of PyPI, in a virtual environment of its own.
fn python(arguments: &[&str]) {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    let environment = ENVIRONMENT.get_or_init(|| {
        let folder = shared_cache().with_file_name("publisher");
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        run(Command::new("python3").args(["-m", "venv", text(&folder)]));
        let pip = folder.join("bin/python");
        run(pip_environment(&mut Command::new(pip)).args(["-m", "pip", "install", "--quiet", "build"]));
        folder
    });
    run(pip_environment(&mut Command::new(environment.join("bin/python"))).args(arguments));
}

fn pip_environment(command: &mut Command) -> &mut Command {
    command
        .env("PIP_CACHE_DIR", shared_cache().with_file_name("publisher-pip"))
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("SOURCE_DATE_EPOCH", "1767268800")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
}
