//! Wheels rebuilt from git repositories that the test makes. What is published is built by the pip of this machine, from a clone.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::local_index::Index;
use crate::repositories::{COMMITTED, Repository, Server, git, serve_files};
use crate::support::{Said, finding, folder, rebuild, run, text, twinbuild};

/// Requirements are those of this time.
const AS_OF: &str = "2026-10-01T00:00:00Z";
const MODULE: (&str, &str) = ("demo_pkg/__init__.py", "\"\"\"A demo.\"\"\"\n\nX = 1\n");

/// A project of the module `demo_pkg`, with more lines in its `pyproject.toml`.
fn project(requires: &str, backend: &str, version: &str, more: &str) -> String {
    let version =
        if version.is_empty() { "dynamic = [\"version\"]".to_owned() } else { format!("version = \"{version}\"") };
    format!(
        "[build-system]\nrequires = [{requires}]\nbuild-backend = \"{backend}\"\n\n[project]\nname = \"demo-pkg\"\n{version}\n\
         description = \"A demo\"\nrequires-python = \">=3.8\"\n{more}"
    )
}

/// A repository of a hatchling project, whose wheel takes little to build.
fn hatchling(folder: &Path) -> Repository {
    let pyproject = project("\"hatchling==1.25.0\"", "hatchling.build", "1.0", "");
    Repository::new(folder, &[("pyproject.toml", &pyproject), MODULE])
}

/// Rebuilds a wheel from a source, and expects that it comes out.
#[track_caller]
fn reproduced(wheel: &Path, source: &str) -> Value {
    let (code, verdict) = rebuild(&[text(wheel), "--source", source, "--as-of", AS_OF]);
    let said = (&verdict["outcome"], &verdict["reason"], &verdict["findings"], &verdict["run"]["logTail"]);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{said:#?}");
    verdict
}

/// Makes a repository of these files, has pip build its tag, and rebuilds that.
#[track_caller]
fn reproduced_from_its_tag(files: &[(&str, &str)]) -> Value {
    let folder = folder();
    let repository = Repository::new(&folder.path().join("repository"), files);
    repository.commit(&[("demo_pkg/more.py", "Y = 2\n")]);
    repository.tag("v1.2.3");
    repository.commit(&[("demo_pkg/later.py", "Z = 3\n")]);
    let wheel = repository.wheel("v1.2.3", folder.path());
    let verdict = reproduced(&wheel, text(&repository.path));
    let git = &verdict["source"]["git"];
    assert_eq!((verdict["source"]["kind"].as_str(), git["tag"]["name"].as_str()), (Some("git"), Some("v1.2.3")));
    assert_eq!(git["commit"], repository.git(&["rev-parse", "v1.2.3^{commit}"]).as_str());
    assert_eq!(git["tree"], repository.git(&["rev-parse", "v1.2.3^{tree}"]).as_str());
    assert_eq!(git["tag"]["object"], repository.git(&["rev-parse", "v1.2.3"]).as_str());
    assert!(verdict["source"].get("uri").is_none() && git["treeSha256"].is_string(), "{git}");
    verdict
}

/// The end of a rebuild that comes to no comparison.
#[track_caller]
fn ends(said: &(i32, Value), outcome: &str, class: &str) {
    let (code, verdict) = said;
    let found = (*code, verdict["outcome"].as_str(), verdict["reason"]["class"].as_str());
    assert_eq!(found, (2, Some(outcome), Some(class)), "{}", verdict["reason"]);
}

#[test]
fn a_setuptools_project_is_reproduced() {
    let more = "[tool.setuptools]\npackages = [\"demo_pkg\"]\n";
    let requires = "\"setuptools==69.5.1\", \"wheel==0.43.0\"";
    let pyproject = project(requires, "setuptools.build_meta", "1.2.3", more);
    reproduced_from_its_tag(&[("pyproject.toml", &pyproject), MODULE]);
}

#[test]
fn a_setuptools_scm_project_is_reproduced() {
    let more = "[tool.setuptools]\npackages = [\"demo_pkg\"]\n[tool.setuptools_scm]\nversion_file = \"demo_pkg/_version.py\"\n";
    let requires = "\"setuptools==69.5.1\", \"wheel==0.43.0\", \"setuptools-scm==8.1.0\"";
    let pyproject = project(requires, "setuptools.build_meta", "", more);
    // The list of files that are no modules comes from git.
    let files = [("pyproject.toml", pyproject.as_str()), MODULE, ("demo_pkg/data.txt", "data\n")];
    let verdict = reproduced_from_its_tag(&files);
    assert_eq!(verdict["recipe"]["versionControl"], json!({ "version": "1.2.3" }));
    assert_eq!(verdict["comparison"]["files"]["total"], 8, "{}", verdict["comparison"]["files"]);
}

#[test]
fn a_hatchling_project_is_reproduced() {
    let pyproject = project("\"hatchling==1.25.0\"", "hatchling.build", "1.2.3", "");
    reproduced_from_its_tag(&[("pyproject.toml", &pyproject), MODULE]);
}

#[test]
fn a_hatch_vcs_project_is_reproduced() {
    let more = "[tool.hatch.version]\nsource = \"vcs\"\n[tool.hatch.build.hooks.vcs]\nversion-file = \"demo_pkg/_version.py\"\n";
    let requires = "\"hatchling==1.25.0\", \"hatch-vcs==0.4.0\", \"setuptools-scm==8.1.0\"";
    let pyproject = project(requires, "hatchling.build", "", more);
    reproduced_from_its_tag(&[("pyproject.toml", &pyproject), (".gitignore", "_version.py\n"), MODULE]);
}

#[test]
fn a_flit_project_is_reproduced() {
    let pyproject = project("\"flit_core==3.9.0\"", "flit_core.buildapi", "1.2.3", "");
    reproduced_from_its_tag(&[("pyproject.toml", &pyproject), MODULE]);
}

#[test]
fn a_poetry_project_is_reproduced() {
    let pyproject = "[tool.poetry]\nname = \"demo-pkg\"\nversion = \"1.2.3\"\ndescription = \"A demo\"\nauthors = [\"A <a@example.org>\"]\n\
                     [tool.poetry.dependencies]\npython = \">=3.8\"\n\
                     [build-system]\nrequires = [\"poetry-core==1.9.0\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
    reproduced_from_its_tag(&[("pyproject.toml", pyproject), MODULE]);
}

#[test]
fn a_pdm_project_is_reproduced_with_its_version_from_git() {
    let more = "[tool.pdm.version]\nsource = \"scm\"\nwrite_to = \"demo_pkg/_version.txt\"\n";
    let pyproject = project("\"pdm-backend==2.3.3\"", "pdm.backend", "", more);
    reproduced_from_its_tag(&[("pyproject.toml", &pyproject), MODULE]);
}

#[test]
fn a_wheel_that_names_its_commit_is_built_where_git_can_be_asked() {
    let folder = folder();
    let more = "[tool.setuptools]\npackages = [\"demo_pkg\"]\n[tool.setuptools_scm]\nversion_file = \"demo_pkg/_version.py\"\n";
    let requires = "\"setuptools==80.9.0\", \"setuptools-scm==9.2.2\"";
    let pyproject = project(requires, "setuptools.build_meta", "", more);
    let repository = Repository::new(&folder.path().join("r"), &[("pyproject.toml", &pyproject), MODULE]);
    repository.tag("v1.0");
    let in_repository = repository.wheel("v1.0", &make(&folder.path().join("in-repository")));
    let verdict = reproduced(&in_repository, &repository.at("v1.0"));
    assert_eq!(verdict["recipe"]["versionControl"], json!({ "version": null }));
    let from_sdist = repository.wheel_from_sdist("v1.0", &make(&folder.path().join("from-sdist")));
    let verdict = reproduced(&from_sdist, &repository.at("v1.0"));
    assert_eq!(verdict["recipe"]["versionControl"], json!({ "version": "1.0" }));
}

fn make(folder: &Path) -> std::path::PathBuf {
    fs::create_dir(folder).unwrap();
    folder.to_owned()
}

#[test]
fn a_repository_elsewhere_is_found_by_the_published_file_and_asked_at_a_mirror() {
    let folder = folder();
    let urls = "[project.urls]\nDocumentation = \"https://demo.example/\"\nSource = \"https://github.com/owner/demo/tree/main\"\n";
    let pyproject = project("\"hatchling==1.25.0\"", "hatchling.build", "1.0", urls);
    let repository = Repository::new(&folder.path().join("owner/demo"), &[("pyproject.toml", &pyproject), MODULE]);
    repository.tag("demo-pkg-v1.00");
    repository.commit(&[("demo_pkg/__init__.py", "X = 2\n")]);
    repository.tag("v1.0rc1");
    repository.tag("other-v1.0");
    let wheel = repository.wheel("demo-pkg-v1.00", folder.path());
    let server = Server::start(folder.path());
    let rewrites = format!("https://github.com/={}/", server.address);
    let from_git = |wheel: &Path, more: &[&str]| {
        let mut command = twinbuild();
        command.env("TWINBUILD_GIT_INSTEAD_OF", &rewrites).args(["--format", "json"]).args(more);
        run(command.args(["rebuild", text(wheel), "--from", "git", "--as-of", AS_OF]))
    };
    let said = from_git(&wheel, &[]);
    let verdict = said.json();
    assert_eq!((said.code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{}", verdict["reason"]);
    let source = &verdict["source"];
    let commit = repository.git(&["rev-parse", "demo-pkg-v1.00^{commit}"]);
    assert_eq!(source["uri"], format!("git+https://github.com/owner/demo@{commit}"));
    assert_eq!(
        (source["trust"].as_str(), &source["git"]["tag"]["name"]),
        (Some("repository"), &"demo-pkg-v1.00".into())
    );
    let said = from_git(&wheel, &["--offline"]);
    assert_eq!(said.json()["outcome"], "inconclusive", "{}", said.json()["reason"]);
    drop(server);
    let said = from_git(&wheel, &[]);
    ends(&(said.code, said.json()), "inconclusive", "source-fetch-failed");
}

#[test]
fn a_commit_is_had_from_a_server_by_tag_branch_and_name() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    repository.tag("v1.0");
    let first = repository.git(&["rev-parse", "HEAD"]);
    let wheel = repository.wheel("v1.0", folder.path());
    repository.commit(&[("README", "more\n")]);
    let server = Server::start(folder.path());
    let of = |revision: &str| format!("git+{}/demo@{revision}", server.address);
    let digest = |verdict: &Value| verdict["source"]["git"]["treeSha256"].clone();
    let by_tag = reproduced(&wheel, &of("v1.0"));
    let by_name = reproduced(&wheel, &of(&first[..10]));
    assert_eq!(by_name["source"]["git"]["commit"], first.as_str());
    assert_eq!(digest(&by_tag), digest(&by_name));
    finding(&by_name, "version-not-tagged");
    reproduced(&wheel, &of("main"));
    ends(&rebuild(&[text(&wheel), "--source", &of("v2"), "--as-of", AS_OF]), "source-missing", "no-revision");
}

#[test]
fn a_build_has_no_network_where_git_had_it() {
    let folder = folder();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let setup = format!(
        "import socket\nfrom setuptools import setup\ntry:\n    socket.create_connection(('127.0.0.1', {port}), 2).close()\n\
         except OSError:\n    pass\nsetup(name='demo-pkg', version='1.0', packages=['demo_pkg'])\n"
    );
    let pyproject = "[build-system]\nrequires = [\"setuptools==69.5.1\", \"wheel==0.43.0\"]\nbuild-backend = \"setuptools.build_meta\"\n";
    let files = [("pyproject.toml", pyproject), ("setup.py", setup.as_str()), MODULE];
    let repository = Repository::new(&folder.path().join("demo"), &files);
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    let server = Server::start(folder.path());
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    reproduced(&wheel, &format!("git+{}/demo@v1.0", server.address));
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_server_that_knows_nothing_of_git_serves_too() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    repository.git(&["update-server-info"]);
    let address = serve_files(&repository.path);
    let verdict = reproduced(&wheel, &format!("git+{address}/.git@v1.0"));
    let commit = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(verdict["source"]["uri"], format!("git+{address}/.git@{commit}"));
}

#[test]
fn a_commit_that_no_branch_or_tag_contains_is_an_impostor() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    repository.tag("v0.9");
    let wheel = repository.wheel("v0.9", folder.path());
    repository.git(&["checkout", "--quiet", "-b", "proposed"]);
    let proposed = repository.commit(&[("demo_pkg/__init__.py", "import os\n")]);
    repository.git(&["update-ref", "refs/pull/1/head", &proposed]);
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["branch", "--quiet", "-D", "proposed"]);
    repository.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let server = Server::start(folder.path());
    let remote = format!("git+{}/demo@{proposed}", server.address);
    for source in [repository.at(&proposed), remote] {
        let said = rebuild(&[text(&wheel), "--source", &source, "--as-of", AS_OF]);
        ends(&said, "source-missing", "impostor-commit");
        assert_eq!(finding(&said.1, "impostor-commit")["severity"], "alert");
    }
    // What was not had cannot be asked for again.
    let said = rebuild(&[text(&wheel), "--source", &repository.at(&proposed), "--as-of", AS_OF]);
    let path = folder.path().join("verdict.json");
    fs::write(&path, said.1.to_string()).unwrap();
    let said = run(twinbuild().args(["--format", "json", "replay", text(&path)]));
    assert_eq!((said.code, said.json()["replay"].as_str()), (2, Some("unable")), "{said}");
    let none = "0".repeat(40);
    let said = rebuild(&[text(&wheel), "--source", &repository.at(&none), "--as-of", AS_OF]);
    ends(&said, "source-missing", "no-revision");
}

#[test]
fn a_commit_younger_than_the_file_is_not_its_source() {
    let folder = folder();
    let pyproject = project("\"hatchling==1.25.0\"", "hatchling.build", "1.0", "").replace("demo-pkg", "demo");
    let more = format!("{pyproject}[tool.hatch.build.targets.wheel]\npackages = [\"demo_pkg\"]\n");
    let repository = Repository::new(&folder.path().join("demo"), &[("pyproject.toml", &more), MODULE]);
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let judge = |uploaded: &str| {
        let index = Index::new(&[(name, fs::read(&wheel).unwrap(), json!({ "upload-time": uploaded }))], &json!({}));
        let index_url = format!("{}/simple/", index.address);
        let arguments = ["--format", "json", "--index-url", &index_url, "rebuild", "pypi:demo@1.0", "--source"];
        run(twinbuild().args(arguments).arg(&repository.path))
    };
    let said = judge("2020-02-02T00:00:00Z");
    ends(&(said.code, said.json()), "source-missing", "commit-after-upload");
    assert_eq!(finding(&said.json(), "commit-after-upload")["severity"], "warning");
    // The very moment is no contradiction: it goes on, to an index that has no backends.
    let verdict = judge(COMMITTED).json();
    assert!(verdict["findings"].to_string().find("commit-after-upload").is_none(), "{}", verdict["findings"]);
}

#[test]
fn tags_that_name_two_commits_are_ambiguous() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    repository.tag("v1.0");
    repository.tag("release-1.0.0");
    let wheel = repository.wheel("v1.0", folder.path());
    reproduced(&wheel, text(&repository.path));
    repository.commit(&[("README", "more\n")]);
    repository.tag("1.0");
    let said = rebuild(&[text(&wheel), "--source", text(&repository.path), "--as-of", AS_OF]);
    ends(&said, "source-missing", "tag-ambiguous");
    let detail = said.1["reason"]["detail"].as_str().unwrap();
    assert!(["v1.0", "release-1.0.0", "1.0 ("].iter().all(|tag| detail.contains(tag)), "{detail}");
    let pyproject = project("\"hatchling==1.25.0\"", "hatchling.build", "1.0", "");
    let files = [("pyproject.toml", pyproject.as_str()), ("demo_pkg/__init__.py", "X = 2\n")];
    let repository = Repository::new(&folder.path().join("other"), &files);
    repository.tag("v1.0a1");
    let said = rebuild(&[text(&wheel), "--source", text(&repository.path), "--as-of", AS_OF]);
    ends(&said, "source-missing", "no-tag");
}

#[test]
fn a_wheel_with_more_than_its_commit_is_not_reproduced() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    repository.tag("v1.0");
    repository.commit(&[("demo_pkg/planted.py", "X = 3\n")]);
    repository.tag("v1.1");
    let wheel = repository.wheel("v1.1", folder.path());
    let (code, verdict) = rebuild(&[text(&wheel), "--source", &repository.at("v1.0"), "--as-of", AS_OF]);
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("not-reproduced")), "{}", verdict["reason"]);
    assert_eq!(verdict["mismatch"], "unsourced");
}

#[test]
fn submodules_are_part_of_the_source_or_it_cannot_be_built() {
    let folder = folder();
    let inner = Repository::new(&folder.path().join("inner"), &[("vendored.py", "V = 1\n")]);
    let repository = hatchling(&folder.path().join("demo"));
    let allowed = ["-c", "protocol.file.allow=always"];
    let add = ["submodule", "--quiet", "add", "../inner", "demo_pkg/inner"];
    repository.git(&[allowed.as_slice(), &add].concat());
    repository.commit(&[]);
    repository.tag("v1.0");
    let clone = folder.path().join("clone-of-all");
    let cloned = git()
        .args(allowed)
        .args(["clone", "--quiet", "--recurse-submodules"])
        .arg(&repository.path)
        .arg(&clone)
        .output();
    assert!(cloned.unwrap().status.success());
    // hatchling packs that of a submodule, which leads to a place of one machine.
    fs::remove_file(clone.join("demo_pkg/inner/.git")).unwrap();
    let published = Repository { path: clone };
    let wheel = {
        let out = folder.path().join("published");
        let pip = ["-m", "pip", "--quiet", "wheel", "--no-deps", "--wheel-dir", text(&out), text(&published.path)];
        assert!(std::process::Command::new("python3").args(pip).status().unwrap().success());
        out.join("demo_pkg-1.0-py3-none-any.whl")
    };
    // From what the checkout keeps of it, and from beside the repository.
    let verdict = reproduced(&wheel, &repository.at("v1.0"));
    let commit = inner.git(&["rev-parse", "HEAD"]);
    assert_eq!(verdict["source"]["git"]["submodules"], json!([{ "path": "demo_pkg/inner", "commit": commit }]));
    fs::remove_dir_all(repository.path.join(".git/modules")).unwrap();
    let again = reproduced(&wheel, &repository.at("v1.0"));
    assert_eq!(again["source"]["digests"], verdict["source"]["digests"]);
    fs::rename(&inner.path, folder.path().join("moved")).unwrap();
    let said = rebuild(&[text(&wheel), "--source", &repository.at("v1.0"), "--as-of", AS_OF]);
    ends(&said, "unbuildable", "source-submodule");
}

#[test]
fn a_pointer_to_what_is_kept_elsewhere_is_no_source() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
    repository.commit(&[("demo_pkg/model.bin", pointer)]);
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    let said = rebuild(&[text(&wheel), "--source", &repository.at("v1.0"), "--as-of", AS_OF]);
    ends(&said, "unbuildable", "source-lfs");
    assert!(said.1["reason"]["detail"].as_str().unwrap().contains("demo_pkg/model.bin"));
}

#[test]
fn attributes_substitute_nothing_and_leave_nothing_out() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    let attributes = "demo_pkg/stamp.txt export-subst\ndemo_pkg/kept.txt export-ignore\n";
    let files =
        [(".gitattributes", attributes), ("demo_pkg/stamp.txt", "$Format:%H$\n"), ("demo_pkg/kept.txt", "kept\n")];
    repository.commit(&files);
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    let verdict = reproduced(&wheel, &repository.at("v1.0"));
    assert_eq!(verdict["comparison"]["files"]["verbatim"], 3, "{}", verdict["comparison"]["files"]);
}

#[test]
fn nothing_of_a_hostile_repository_is_run() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    repository.commit(&[(".gitattributes", "* filter=evil diff=evil merge=evil\n")]);
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    let trace = folder.path().join("trace");
    let script = format!("#!/bin/sh\necho ran >> {}\nexec cat\n", trace.display());
    let evil = folder.path().join("evil");
    fs::write(&evil, &script).unwrap();
    run_program(&["chmod", "755", text(&evil)]);
    for hook in ["post-checkout", "pre-auto-gc", "reference-transaction", "post-index-change", "fsmonitor-watchman"] {
        let path = repository.path.join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&evil, path).unwrap();
    }
    let evil = text(&evil);
    let config = format!(
        "[core]\n\tfsmonitor = {evil}\n\tsshCommand = {evil}\n\tpager = {evil}\n\thooksPath = {}\n\tgitProxy = {evil}\n\
         [filter \"evil\"]\n\tsmudge = {evil}\n\tclean = {evil}\n\tprocess = {evil}\n\trequired = true\n\
         [uploadpack]\n\tpackObjectsHook = {evil}\n[credential]\n\thelper = !{evil}\n[diff \"evil\"]\n\tcommand = {evil}\n\
         [include]\n\tpath = {evil}\n[alias]\n\tcat-file = !{evil}\n\tls-remote = !{evil}\n[url \"ext::{evil} \"]\n\tinsteadOf = /\n",
        text(&repository.path.join(".git/hooks"))
    );
    fs::write(repository.path.join(".git/config"), config).unwrap();
    let verdict = reproduced(&wheel, &repository.at("v1.0"));
    assert_eq!(verdict["source"]["git"]["tag"]["name"], "v1.0");
    assert!(!trace.exists(), "{}", fs::read_to_string(&trace).unwrap_or_default());
    // A .git that leads elsewhere is not followed.
    let linked = make(&folder.path().join("linked"));
    symlink(repository.path.join(".git"), linked.join(".git")).unwrap();
    let said = refused(&wheel, &linked);
    assert!(said.err.contains("leads to another place"), "{said}");
    let worktree = make(&folder.path().join("worktree"));
    fs::write(worktree.join(".git"), format!("gitdir: {}\n", repository.path.join(".git").display())).unwrap();
    assert!(refused(&wheel, &worktree).err.contains("leads to another place"));
    fs::write(repository.path.join(".git/objects/info/alternates"), "/\n").unwrap();
    assert!(refused(&wheel, &repository.path).err.contains("alternates"));
}

/// A usage error.
fn refused(wheel: &Path, source: &Path) -> Said {
    let said = run(twinbuild().args(["rebuild", text(wheel), "--as-of", AS_OF, "--source"]).arg(source));
    assert_eq!(said.code, 64, "{said}");
    said
}

fn run_program(command: &[&str]) {
    assert!(std::process::Command::new(command[0]).args(&command[1..]).status().unwrap().success());
}

#[test]
fn names_that_no_checkout_has_are_refused() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    repository.tag("v0.9");
    let wheel = repository.wheel("v0.9", folder.path());
    let blob = repository.git_with(&["hash-object", "-w", "--stdin"], "[core]\n\tfsmonitor = true\n");
    let below = repository.git_with(&["mktree"], &format!("100644 blob {blob}\tconfig\n"));
    let raw = |id: &str| -> Vec<u8> {
        (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect()
    };
    for (number, name) in [".git", "..", ".GIT", "a/../../b"].into_iter().enumerate() {
        let tree_file = folder.path().join("tree");
        fs::write(&tree_file, [format!("40000 {name}\0").as_bytes(), &raw(&below)].concat()).unwrap();
        let tree = repository.git(&["hash-object", "-t", "tree", "-w", "--literally", text(&tree_file)]);
        let commit = repository.git(&["commit-tree", "-m", "evil", &tree]);
        let tag = format!("v9.{number}");
        repository.git(&["tag", &tag, &commit]);
        let said = rebuild(&[text(&wheel), "--source", &repository.at(&tag), "--as-of", AS_OF]);
        ends(&said, "unbuildable", "source-malformed");
        assert_eq!(finding(&said.1, "source-malformed")["severity"], "alert", "{name}");
    }
    // A link that leads out of the tree.
    symlink("../../etc/passwd", repository.path.join("link")).unwrap();
    repository.commit(&[]);
    repository.tag("v8.0");
    let said = rebuild(&[text(&wheel), "--source", &repository.at("v8.0"), "--as-of", AS_OF]);
    ends(&said, "unbuildable", "source-malformed");
}

#[test]
fn a_verdict_about_a_commit_is_come_to_again_without_the_repository() {
    let folder = folder();
    let kept = folder.path().join("kept");
    let repository = hatchling(&folder.path().join("demo"));
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    let arguments = ["--as-of", AS_OF, "--keep-inputs", text(&kept)];
    let (code, verdict) =
        rebuild(&[&[text(&wheel), "--source", text(&repository.path)], arguments.as_slice()].concat());
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{}", verdict["reason"]);
    fs::remove_dir_all(&repository.path).unwrap();
    let path = kept.join(format!("verdicts/{}.json", verdict["verdictDigest"].as_str().unwrap()));
    let cache = crate::support::folder();
    let said = run(twinbuild().env("TWINBUILD_CACHE_DIR", cache.path()).args([
        "--format",
        "json",
        "--offline",
        "replay",
        text(&path),
        "--inputs",
        text(&kept),
    ]));
    assert_eq!((said.code, said.json()["replay"].as_str()), (0, Some("same")), "{said}");
}

#[test]
fn a_verdict_about_a_commit_elsewhere_is_come_to_again_from_there() {
    let folder = folder();
    let repository = hatchling(&folder.path().join("demo"));
    // Its own, as what another test relies on is not to be forgotten.
    repository.commit(&[("demo_pkg/elsewhere.py", "E = 1\n")]);
    repository.tag("v1.0");
    let wheel = repository.wheel("v1.0", folder.path());
    let server = Server::start(folder.path());
    let verdict = reproduced(&wheel, &format!("git+{}/demo@v1.0", server.address));
    let path = folder.path().join("verdict.json");
    fs::write(&path, verdict.to_string()).unwrap();
    let sha256 = verdict["source"]["digests"]["sha256"].as_str().unwrap();
    let forget = || {
        let held = crate::support::shared_cache().join("blobs/sha256").join(&sha256[..2]).join(sha256);
        fs::remove_file(&held).unwrap_or_else(|error| panic!("{}: {error}", held.display()));
    };
    forget();
    let replay = || run(twinbuild().args(["--format", "json", "replay", text(&path)]));
    let said = replay();
    assert_eq!((said.code, said.json()["replay"].as_str()), (0, Some("same")), "{said}");
    // Where the tag was moved since, it is another one.
    repository.commit(&[("README", "more\n")]);
    repository.git(&["tag", "--force", "--annotate", "--message=moved", "v1.0"]);
    forget();
    let said = replay();
    assert_eq!((said.code, said.json()["replay"].as_str()), (2, Some("missing")), "{said}");
}

#[test]
fn a_project_in_a_folder_of_the_repository_is_built_there() {
    let folder = folder();
    let pyproject = project("\"flit_core==3.9.0\"", "flit_core.buildapi", "1.0", "");
    let files =
        [("packages/demo/pyproject.toml", pyproject.as_str()), ("packages/demo/demo_pkg.py", "\"\"\"A demo.\"\"\"\n")];
    let repository = Repository::new(&folder.path().join("many"), &files);
    repository.tag("demo-pkg/v1.0");
    repository.tag("other/v1.0");
    let project = repository.path.join("packages/demo");
    let out = folder.path().join("published");
    let pip = ["python3", "-m", "pip", "--quiet", "wheel", "--no-deps", "--wheel-dir", text(&out), text(&project)];
    run_program(&pip);
    let wheel = out.join("demo_pkg-1.0-py3-none-any.whl");
    let source = format!("{}#subdirectory=packages/demo", text(&repository.path));
    let verdict = reproduced(&wheel, &source);
    assert_eq!(verdict["source"]["git"]["subdirectory"], "packages/demo");
    assert_eq!(verdict["source"]["git"]["tag"]["name"], "demo-pkg/v1.0");
    // It is found by its name, too.
    let found = reproduced(&wheel, text(&repository.path));
    assert_eq!(found["source"], verdict["source"]);
    let none = format!("{}#subdirectory=packages/none", text(&repository.path));
    let said = run(twinbuild().args(["rebuild", text(&wheel), "--as-of", AS_OF, "--source", &none]));
    assert_eq!(said.code, 64, "{said}");
}
