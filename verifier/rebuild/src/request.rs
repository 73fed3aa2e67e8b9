//! What a twin is asked to do.

use std::num::NonZero;
use std::path::Path;

use serde::Serialize;
use twinbuild_environment::Environment;
use twinbuild_recipe::{FrontEnd, Recipe, Switches};
use twinbuild_sandbox::{Cancel, Collect, Copy, Limits, Processors, SkeletonFile, SkeletonLink, Spec, ids_inside};
use twinbuild_source::SourceTree;
use twinbuild_subject::Sha256;

use crate::conditions::{Ground, Shell};
use crate::{Conditions, Meter, Product, VariationSet};

/// The programs that run inside, one after the other; see their own documentation.
const OBSERVE: &str = include_str!("observe.py");
const DRIVER: &str = include_str!("driver.py");
/// Where they stand inside.
const OBSERVE_PATH: &str = "/usr/lib/twinbuild/observe.py";
const DRIVER_PATH: &str = "/usr/lib/twinbuild/driver.py";
/// An address of RFC 5737 that no route leads to, so that look-ups of names are counted like connections.
pub const NAME_SERVER: &str = "192.0.2.53";

/// The digest of the programs that run inside: what they answer may be remembered under it.
#[must_use]
pub fn driver_digest() -> Sha256 {
    Sha256::of([OBSERVE, DRIVER].concat().as_bytes())
}

/// One recipe, and what is needed to carry it out.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// How it is built.
    pub recipe: &'a Recipe,
    /// What it is built on.
    pub environment: &'a Environment,
    /// What the second twin is built on, where the ground is varied.
    pub other: Option<&'a Environment>,
    /// What it is built from.
    pub source: &'a SourceTree,
    /// What is built of it.
    pub product: Product,
    /// In what the twins differ.
    pub variations: &'a VariationSet,
    /// The limits of each twin.
    pub limits: &'a Limits,
    /// Stops it.
    pub cancel: &'a Cancel,
    /// Counts what it costs.
    pub meter: &'a Meter,
}

/// What the driver reads on its standard input.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    action: &'static str,
    source: &'a str,
    output: &'a str,
    backend: Option<&'a str>,
    backend_path: &'a [String],
    options: Vec<String>,
    checkout_umask: Option<u32>,
    windows: bool,
    debian_setuptools: bool,
    without_extensions: bool,
    through_sdist: bool,
    /// Whether the texts of the repository are checked out with the line ends of Windows.
    crlf: bool,
    product: &'static str,
    archive: &'static str,
}

/// What the driver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Asks the backend what it requires.
    Requires,
    /// Builds the product.
    Build,
}

impl<'a> Job<'a> {
    /// What is built on under some conditions.
    pub(crate) fn environment(&self, conditions: &Conditions) -> &'a Environment {
        match (conditions.ground, self.other) {
            (Ground::Other, Some(other)) => other,
            (Ground::Own, _) | (Ground::Other, None) => self.environment,
        }
    }

    /// The source, and where the recipe has it a repository in it.
    fn copies(&self, conditions: &Conditions) -> Vec<Copy> {
        let copy = |source: &Path, target: String| Copy {
            source: source.to_owned(),
            target: target.into(),
            order: conditions.directory_order,
        };
        let repository = self.source.repository().filter(|_| self.recipe.version_control.is_some());
        let top = format!("{}/{}", conditions.build_path, self.source.top());
        let tree = copy(self.source.folder(), conditions.build_path.to_owned());
        std::iter::once(tree).chain(repository.map(|repository| copy(repository.folder(), top))).collect()
    }

    /// The sandbox for one action under some conditions. What is built is collected where `collect` says.
    pub(crate) fn spec(
        &self,
        conditions: &Conditions,
        action: Action,
        collect: Option<&Path>,
    ) -> Result<Spec, serde_json::Error> {
        let source = format!("{}/{}", conditions.build_path, self.source.project());
        let (backend, backend_path, options): (_, &[String], _) = match &self.recipe.front_end {
            FrontEnd::Pep517 { backend, backend_path } => (Some(backend.as_str()), backend_path, Vec::new()),
            FrontEnd::SetupPy { options, python_path } => (None, python_path, options.arguments()),
        };
        let Switches { checkout_umask, windows, debian_setuptools, without_extensions, through_sdist, .. } =
            self.recipe.switches;
        let version_control = self.recipe.version_control.as_ref();
        let report = match action {
            Action::Requires => "keep",
            Action::Build => "close",
        };
        let request = Request {
            action: match action {
                Action::Requires => "requires",
                Action::Build => "build",
            },
            source: &source,
            output: conditions.output,
            backend,
            backend_path,
            options,
            checkout_umask,
            windows,
            debian_setuptools,
            without_extensions,
            through_sdist: through_sdist && self.product == Product::Wheel,
            crlf: version_control.is_some_and(|version_control| version_control.crlf),
            product: self.product.name(),
            archive: self.product.archive(),
        };
        let Conditions { user_name, home, host_name, domain_name, .. } = conditions;
        let (user_id, group_id) = ids_inside(conditions.user_id, conditions.group_id);
        let file = |path: &str, content: String| SkeletonFile {
            path: path.into(),
            content: content.into_bytes(),
            mode: 0o644,
        };
        let full_name = if domain_name.is_empty() {
            (*host_name).to_owned()
        } else {
            format!("{host_name}.{domain_name} {host_name}")
        };
        let shell = match conditions.shell {
            Shell::Dash => None,
            Shell::Bash => Some(SkeletonLink { path: "/usr/bin/sh".into(), target: "bash".into() }),
        };
        let root_python = self.environment(conditions).root_python();
        Ok(Spec {
            layers: self.environment(conditions).layer_paths(),
            links: shell.into_iter().collect(),
            files: [
                file(OBSERVE_PATH, OBSERVE.to_owned()),
                file(DRIVER_PATH, DRIVER.to_owned()),
                file(
                    "/etc/passwd",
                    format!(
                        "{user_name}:x:{user_id}:{group_id}::{home}:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n"
                    ),
                ),
                file("/etc/group", format!("{user_name}:x:{group_id}:\nnogroup:x:65534:\n")),
                file("/etc/hostname", format!("{host_name}\n")),
                file("/etc/hosts", format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {full_name}\n")),
                file("/etc/resolv.conf", format!("nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")),
            ]
            .into_iter()
            .chain(processor_files(conditions.processors))
            .collect(),
            copies: self.copies(conditions),
            scratch: [conditions.build_path, conditions.output, home, conditions.temporary_directory]
                .map(Into::into)
                .to_vec(),
            argv: [root_python.as_str(), "-S", "-B", OBSERVE_PATH, DRIVER_PATH, &source, report]
                .map(str::to_owned)
                .to_vec(),
            env: conditions.environment(self.recipe),
            cwd: source.clone().into(),
            stdin: serde_json::to_vec(&request)?,
            umask: conditions.umask,
            uid: user_id,
            gid: group_id,
            hostname: (*host_name).to_owned(),
            domainname: (*domain_name).to_owned(),
            processors: conditions.processors,
            randomize_addresses: conditions.randomize_addresses,
            boot_offset_secs: conditions.boot_offset_secs,
            clock_offset_secs: conditions.clock_offset_secs,
            kernel_name: conditions.kernel_name,
            scratch_file_system: conditions.scratch_file_system,
            collect: collect
                .map(|into| Collect { directory: conditions.output.into(), into: into.to_owned(), symlinks: false })
                .into_iter()
                .collect(),
            limits: self.limits.clone(),
            ..Spec::default()
        })
    }
}

/// What the C library counts processors by, before it asks the kernel for those of the host.
fn processor_files(processors: Processors) -> Vec<SkeletonFile> {
    const FOLDER: &str = "/sys/devices/system/cpu";
    let all = std::thread::available_parallelism().map_or(1, NonZero::get);
    let count = match processors {
        Processors::All => all,
        Processors::Count(count) => usize::try_from(count).unwrap_or(usize::MAX).min(all),
    };
    let range = if count == 1 { "0\n".to_owned() } else { format!("0-{}\n", count - 1) };
    let file = |name: String, content: String| SkeletonFile {
        path: format!("{FOLDER}/{name}").into(),
        content: content.into_bytes(),
        mode: 0o444,
    };
    let lists = ["online", "possible", "present"].into_iter().map(|name| file(name.to_owned(), range.clone()));
    lists.chain((0..count).map(|number| file(format!("cpu{number}/online"), "1\n".to_owned()))).collect()
}
