//! From evidence to a recipe.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pep440_rs::Version;
use pep508_rs::VersionOrUrl;
use twinbuild_subject::{PackageName, WheelFileName};

use crate::python::{FIRST_FOR_NEW_PYTHONS, first_release, is_new};
use crate::source::check_requirement;
use crate::{
    Bound, BuildSystem, Dialect, FrontEnd, Generator, Interpreter, Machine, MemberTimes, Needs, Reason, Recipe,
    Requirements, SourceEvidence, Switches, Tool, WheelEvidence,
};

/// What the caller can build with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The interpreters, best first.
    pub interpreters: Vec<Interpreter>,
}

/// The release that the file belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The wheel's file name.
    pub wheel: WheelFileName,
    /// When the first file of the release was uploaded; requirements are older than this.
    pub first_upload: Timestamp,
}

/// A recipe, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference {
    /// The recipe, its requirements not yet locked.
    pub recipe: Recipe,
    /// The reason for each choice.
    pub reasons: Vec<Reason>,
}

/// Why no recipe can be inferred.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// The wheel was written by a tool that is not known here.
    #[error(
        "the wheel's generator is {found:?}; known are wheel, setuptools, flit, hatchling, poetry, poetry-core, pdm-backend and pdm-pep517"
    )]
    Generator {
        /// What `Generator:` says.
        found: String,
    },
    /// No interpreter on offer writes wheels with these tags.
    #[error("the wheel is tagged {tags}, and the interpreters on offer are CPython {offered}")]
    Interpreter {
        /// The wheel's Python tags.
        tags: String,
        /// The interpreters.
        offered: String,
    },
    /// No interpreter on offer is one that the project runs on.
    #[error("the sdist requires Python {required}, and the interpreters on offer are CPython {offered}")]
    Python {
        /// Its `Requires-Python`.
        required: String,
        /// The interpreters.
        offered: String,
    },
    /// The wheel is bound to another platform than this machine's.
    #[error(
        "the wheel is for {platform}: this version builds wheels for every platform (none-any), and for Linux with glibc on {}",
        std::env::consts::ARCH
    )]
    Platform {
        /// The wheel's platform tags.
        platform: String,
    },
    /// The project is its own build backend.
    #[error("{name} {version} is built by itself, and names no backend inside its own source (backend-path)")]
    SelfHosted {
        /// The project.
        name: PackageName,
        /// Its version.
        version: Version,
    },
}

/// Whether wheels of this name can be built here at all: those for every platform, and those for Linux with glibc on this
/// machine's processor, whose tags are `linux_..` and `manylinux.._..`.
///
/// # Errors
/// [`Unsupported::Platform`] where they cannot.
pub fn check_platform(file_name: &WheelFileName) -> Result<(), Unsupported> {
    let is_here = |tag: &String| {
        let system = tag.strip_suffix(std::env::consts::ARCH).and_then(|system| system.strip_suffix('_'));
        system.is_some_and(|system| system == "linux" || system.starts_with("manylinux"))
    };
    if file_name.is_pure() || file_name.platform_tags.iter().any(is_here) {
        return Ok(());
    }
    Err(Unsupported::Platform { platform: file_name.platform_tags.join(".") })
}

/// The recipe that the evidence speaks for.
///
/// # Errors
/// When the file is of a kind that cannot be built here, see [`Unsupported`].
pub fn infer(
    release: &Release,
    wheel: &WheelEvidence,
    source: &SourceEvidence,
    offer: &Offer,
) -> Result<Inference, Unsupported> {
    let file_name = &release.wheel;
    check_platform(file_name)?;
    let generator = wheel.generator.as_ref().map_err(|found| Unsupported::Generator { found: found.clone() })?;
    let mut reasons = Reasons::default();
    let mut front_end = choose_front_end(source, &mut reasons);
    let interpreter = choose_interpreter(release, wheel, uses_setuptools(generator, source), offer, &mut reasons)?;
    if let FrontEnd::SetupPy { options, .. } = &mut front_end
        && let [two, three] = file_name.python_tags.as_slice()
        && (two.as_str(), three.as_str()) == ("py2", "py3")
        && knows_universal(generator)
    {
        options.universal = true;
        reasons.add("build.universal", "the wheel is tagged py2.py3".to_owned());
    }
    if let FrontEnd::SetupPy { python_path, .. } = &mut front_end
        && let (Tool::Wheel, "wheel", Some(folder)) = (generator.tool, file_name.name.as_str(), &source.own_commands)
    {
        python_path.push(folder.clone());
        reasons.add("build.python-path", format!("the project builds itself, by its own command in {folder}"));
    }
    let direct = direct_requirements(file_name, generator, wheel.dialect.as_ref(), source, &front_end, &mut reasons)?;
    let switches = choose_switches(wheel.machine, &mut reasons);
    let cutoff = release.first_upload.saturating_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
    reasons.add(
        "requirements.cutoff",
        format!("a second before the first file of the release was uploaded, {}", release.first_upload),
    );
    let source_date_epoch = choose_epoch(wheel.times, release.first_upload, &mut reasons);
    let requirements = Requirements { cutoff, direct, locked: None };
    let environment = choose_environment(file_name, &mut reasons);
    let recipe = Recipe {
        interpreter,
        environment,
        front_end,
        switches,
        source_date_epoch,
        version_control: None,
        requirements,
    };
    Ok(Inference { recipe, reasons: reasons.0 })
}

/// Whether `bdist_wheel` of that version takes `--universal`, which came with 0.23.
fn knows_universal(generator: &Generator) -> bool {
    generator.tool != Tool::Wheel || generator.version.release() >= [0, 23].as_slice()
}

#[derive(Default)]
pub(crate) struct Reasons(pub(crate) Vec<Reason>);

impl Reasons {
    pub(crate) fn add(&mut self, key: &str, because: String) {
        self.0.push(Reason { key: key.to_owned(), because });
    }
}

/// Whether setuptools takes part in the build.
fn uses_setuptools(generator: &Generator, source: &SourceEvidence) -> bool {
    let is_required = |system: &BuildSystem| {
        let is_it = |text: &String| check_requirement("", text).is_ok_and(|one| one.name.to_string() == "setuptools");
        system.requires.iter().any(is_it)
    };
    matches!(generator.tool, Tool::Wheel | Tool::Setuptools) || source.build_system.as_ref().is_none_or(is_required)
}

fn choose_interpreter(
    release: &Release,
    wheel: &WheelEvidence,
    uses_setuptools: bool,
    offer: &Offer,
    reasons: &mut Reasons,
) -> Result<Interpreter, Unsupported> {
    const KEY: &str = "interpreter.version";
    let Release { wheel: file_name, first_upload } = release;
    // Every setuptools from before that time fails on the interpreters of today.
    let is_old = uses_setuptools && *first_upload < FIRST_FOR_NEW_PYTHONS;
    let is_named =
        |interpreter: &Interpreter| wheel.named_python.is_some() && interpreter.numbers() == wheel.named_python;
    let age = |interpreter: &Interpreter| {
        let order = interpreter.numbers().map_or(0, |(major, minor)| 100 * major + minor);
        match (is_old, first_release(interpreter)) {
            (false, _) => (0, 0),
            (true, _) if is_new(interpreter) => (2, order),
            // The newest of those that were there, else the oldest of the others.
            (true, Some(time)) if time < *first_upload => (0, u32::MAX - order),
            (true, _) => (1, order),
        }
    };
    let rank = |interpreter: &Interpreter| {
        rank(interpreter, file_name).map(|rank| (rank, !is_named(interpreter), age(interpreter)))
    };
    // Of equals the first is taken, which is the best that is on offer.
    let found = offer.interpreters.iter().filter(|one| rank(one).is_some()).min_by_key(|one| rank(one));
    let Some(interpreter) = found else {
        let offered: Vec<_> = offer.interpreters.iter().map(|interpreter| interpreter.version.as_str()).collect();
        return Err(Unsupported::Interpreter { tags: shown_tags(file_name), offered: offered.join(", ") });
    };
    reasons.add(KEY, format!("on offer, and it writes wheels tagged {}", shown_tags(file_name)));
    if is_named(interpreter) {
        reasons.add(KEY, format!("a path file or an entry point of the wheel names CPython {}", interpreter.version));
    }
    if is_old {
        reasons.add(KEY, "no setuptools from before the upload runs on CPython 3.9 or newer".to_owned());
    }
    Ok(interpreter.clone())
}

/// The switches of a machine, and why.
pub(crate) fn switches_of(machine: Machine) -> (Switches, &'static str) {
    let open = Switches { checkout_umask: Some(0), ..Switches::default() };
    match machine {
        Machine::Usual => (Switches::default(), "its modes and line endings are usual"),
        Machine::OpenCheckout => (open, "files of the wheel that were copied may be written by anybody"),
        Machine::NoUmask => (Switches { umask: Some(0), ..open }, "files of the wheel may be written by anybody"),
        Machine::Windows => (
            Switches { umask: Some(0), windows: true, ..open },
            "no Unix wrote the wheel, and its modes or line endings are those of Windows",
        ),
    }
}

fn choose_switches(machine: Machine, reasons: &mut Reasons) -> Switches {
    let (switches, because) = switches_of(machine);
    let Switches { umask, checkout_umask, windows, .. } = switches;
    let keys = [
        ("build.umask", umask.is_some()),
        ("build.checkout-umask", checkout_umask.is_some()),
        ("build.windows", windows),
    ];
    for (key, _) in keys.into_iter().filter(|(_, is_on)| *is_on) {
        reasons.add(key, because.to_owned());
    }
    switches
}

/// The tags that an interpreter writes: `py2.py3`, or with the binary interface where the wheel has one, `cp311-cp311`.
fn shown_tags(file_name: &WheelFileName) -> String {
    let python = file_name.python_tags.join(".");
    if file_name.abi_tags == ["none"] { python } else { format!("{python}-{}", file_name.abi_tags.join(".")) }
}

/// Whether an interpreter can have written a wheel of this name.
pub(crate) fn is_writer(interpreter: &Interpreter, file_name: &WheelFileName) -> bool {
    rank(interpreter, file_name).is_some()
}

/// How likely an interpreter wrote a wheel of this name, the likeliest first; `None` where it cannot have.
fn rank(interpreter: &Interpreter, file_name: &WheelFileName) -> Option<u8> {
    let (major, minor) = interpreter.version.split_once('.').unwrap_or((&interpreter.version, ""));
    let digits = format!("{major}{minor}");
    let has = |tag: &str| file_name.python_tags.iter().any(|own| own == tag);
    let is_named = has(&format!("py{digits}")) || has(&format!("cp{digits}"));
    // Of its own interface, which until 3.7 has a letter or two behind; free-threaded (`t`) and debug ones (`d`) are others.
    let own = format!("cp{digits}");
    let is_own = |tag: &String| tag.strip_prefix(&own).is_some_and(|flags| matches!(flags, "" | "m" | "mu"));
    let has_abi = |is_it: &dyn Fn(&String) -> bool| file_name.abi_tags.iter().any(is_it);
    if has_abi(&|tag| tag == "none") {
        // `py3` is what every CPython 3 writes by default; `py311` and `cp311` are asked for, or say by what it was built.
        return if is_named { Some(0) } else { has(&format!("py{major}")).then_some(1) };
    }
    if is_named && has_abi(&is_own) {
        return Some(0);
    }
    if !has_abi(&|tag| tag == "abi3") {
        return None;
    }
    // The stable interface is there from one version on, which is what the tag names; any later one writes the same tag.
    let is_since = |tag: &String| {
        let since = tag.strip_prefix("cp").and_then(|digits| digits.strip_prefix(major)).map(str::parse::<u32>);
        matches!((since, minor.parse::<u32>()), (Some(Ok(since)), Ok(minor)) if since <= minor)
    };
    if is_named { Some(0) } else { file_name.python_tags.iter().any(is_since).then_some(1) }
}

fn choose_environment(file_name: &WheelFileName, reasons: &mut Reasons) -> Needs {
    if file_name.is_pure() {
        return Needs::default();
    }
    let because = format!("the wheel is for {}, so it has native code", file_name.platform_tags.join("."));
    reasons.add("environment.toolchain", because);
    Needs { toolchain: true }
}

pub(crate) fn choose_front_end(source: &SourceEvidence, reasons: &mut Reasons) -> FrontEnd {
    const KEY: &str = "build.front-end";
    match &source.build_system {
        Some(system) => {
            let (backend, because) = match &system.build_backend {
                Some(backend) => (backend.clone(), "the source's pyproject.toml names a backend"),
                None => (
                    LEGACY_BACKEND.to_owned(),
                    "the source's pyproject.toml has a build system without a backend (PEP 517, default)",
                ),
            };
            reasons.add(KEY, because.to_owned());
            FrontEnd::Pep517 { backend, backend_path: system.backend_path.clone() }
        }
        None if source.has_setup_py => {
            reasons.add(KEY, "the source has a setup.py and names no build system".to_owned());
            FrontEnd::setup_py()
        }
        None => {
            reasons.add(KEY, "the source has neither a setup.py nor a build system (PEP 517, default)".to_owned());
            FrontEnd::Pep517 { backend: LEGACY_BACKEND.to_owned(), backend_path: Vec::new() }
        }
    }
}

/// The backend of a source that names none (PEP 517).
pub(crate) const LEGACY_BACKEND: &str = "setuptools.build_meta:__legacy__";
pub(crate) const REQUIREMENTS: &str = "requirements.direct";

/// What the source itself says that its build requires.
pub(crate) fn source_requirements(source: &SourceEvidence, reasons: &mut Reasons) -> Vec<String> {
    let mut direct = match &source.build_system {
        Some(system) => {
            reasons.add(REQUIREMENTS, "what the source's pyproject.toml requires".to_owned());
            system.requires.clone()
        }
        None => {
            reasons.add(
                REQUIREMENTS,
                "setuptools and wheel, as the source names no build system (PEP 517, default)".to_owned(),
            );
            vec!["setuptools".to_owned(), "wheel".to_owned()]
        }
    };
    if !source.setup_requires.is_empty() {
        reasons.add(REQUIREMENTS, "setup_requires of the source's setup.cfg".to_owned());
        direct.extend(source.setup_requires.iter().cloned());
    }
    direct
}

/// Whether one of these requirements is on the project `name`, which is in its normal form.
pub(crate) fn names_requirement(direct: &[String], name: &str) -> bool {
    let is_named = |text: &String| check_requirement("", text).is_ok_and(|asked| asked.name.to_string() == name);
    direct.iter().any(is_named)
}

fn direct_requirements(
    file_name: &WheelFileName,
    generator: &Generator,
    dialect: Option<&Dialect>,
    source: &SourceEvidence,
    front_end: &FrontEnd,
    reasons: &mut Reasons,
) -> Result<Vec<String>, Unsupported> {
    let mut direct = source_requirements(source, reasons);
    let Generator { tool, version } = generator;
    let pins: &[&str] = match tool {
        Tool::Wheel => &["wheel"],
        Tool::Setuptools => &["setuptools"],
        Tool::Flit if names_requirement(&direct, "flit") => &["flit", "flit-core"],
        Tool::Flit => &["flit-core"],
        Tool::Hatchling => &["hatchling"],
        // Until it named itself, poetry-core wrote `poetry`.
        Tool::Poetry if names_requirement(&direct, "poetry") => &["poetry"],
        Tool::Poetry | Tool::PoetryCore => &["poetry-core"],
        Tool::PdmBackend => &["pdm-backend"],
        Tool::PdmPep517 => &["pdm-pep517"],
    };
    let has_in_tree_backend = match front_end {
        FrontEnd::Pep517 { backend_path, .. } => !backend_path.is_empty(),
        FrontEnd::SetupPy { python_path, .. } => !python_path.is_empty(),
    };
    for pin in pins {
        let is_own_project = *pin == file_name.name.as_str() && *version == file_name.version;
        match (is_own_project, has_in_tree_backend) {
            (false, _) => {
                let excludes = |text: &String| {
                    check_requirement("", text).is_ok_and(|requirement| {
                        let range = requirement.version_or_url.as_ref();
                        requirement.name.to_string() == *pin
                            && matches!(range, Some(VersionOrUrl::VersionSpecifier(range)) if !range.contains(version))
                    })
                };
                if let Some(index) = direct.iter().position(excludes) {
                    let dropped = direct.remove(index);
                    let because = format!(
                        "without the source's {dropped}: the wheel's generator says {generator}, so it was not built by that"
                    );
                    reasons.add(REQUIREMENTS, because);
                }
                direct.push(format!("{pin}=={version}"));
                reasons.add(REQUIREMENTS, format!("{pin}=={version}, as the wheel's generator says {generator}"));
            }
            (true, true) => {
                direct.retain(|text| !names_requirement(std::slice::from_ref(text), pin));
                reasons.add(REQUIREMENTS, format!("the wheel's generator is {pin} itself, built from its own source"));
            }
            (true, false) => {
                return Err(Unsupported::SelfHosted { name: file_name.name.clone(), version: version.clone() });
            }
        }
    }
    if *tool == Tool::Wheel && file_name.name.as_str() != "setuptools" {
        let bounds = dialect.map(setuptools_bounds).unwrap_or_default();
        let oldest = bounds.into_iter().filter(|bound| bound.is_older).min_by(|a, b| a.release.cmp(&b.release));
        if let Some(Bound { release, because, .. }) = oldest {
            direct.push(format!("setuptools<{release}"));
            reasons.add(REQUIREMENTS, format!("setuptools<{release}, as {because}"));
        }
    }
    Ok(direct)
}

/// The limits of the setuptools that wrote a dialect, without those that contradict a surer one: these tell of something else, such as
/// a project that writes its own metadata.
pub(crate) fn setuptools_bounds(dialect: &Dialect) -> Vec<Bound> {
    let mut bounds = dialect.bounds();
    while let Some(index) = contradicted(&bounds) {
        bounds.remove(index);
    }
    bounds
}

/// The first of some bounds that contradicts one before it.
fn contradicted(bounds: &[Bound]) -> Option<usize> {
    let excludes = |a: &Bound, b: &Bound| a.is_older && !b.is_older && a.release <= b.release;
    (0..bounds.len()).find(|index| {
        let own = &bounds[*index];
        bounds[..*index].iter().any(|other| excludes(own, other) || excludes(other, own))
    })
}

/// The seconds since 1970-01-01 of a time without a zone, which is taken as UTC: that is what tools write that honour
/// `SOURCE_DATE_EPOCH`.
pub(crate) fn seconds_of(time: DateTime) -> Option<i64> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

fn choose_epoch(times: MemberTimes, first_upload: Timestamp, reasons: &mut Reasons) -> Option<i64> {
    const KEY: &str = "build.source-date-epoch";
    match times {
        MemberTimes::Uniform(time) => {
            reasons.add(KEY, format!("all members of the wheel have this time, {time}"));
            seconds_of(time)
        }
        MemberTimes::Newest(time) => {
            reasons.add(KEY, format!("the newest time of a member of the wheel, {time}"));
            seconds_of(time)
        }
        MemberTimes::None => {
            reasons.add(KEY, "the wheel's members have no times; the first upload of the release".to_owned());
            Some(first_upload.as_second())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Provider, WheelOptions};

    fn release(file: &str) -> Release {
        Release { wheel: file.parse().unwrap(), first_upload: "2021-05-05T14:18:18Z".parse().unwrap() }
    }

    fn wheel(generator: &str) -> WheelEvidence {
        WheelEvidence {
            generator: Generator::parse(generator).ok_or(generator.to_owned()),
            times: MemberTimes::Newest("2021-05-05T14:00:00".parse().unwrap()),
            dialect: None,
            named_python: None,
            machine: Machine::Usual,
        }
    }

    fn source(requires: &[&str], backend: Option<&str>, backend_path: &[&str]) -> SourceEvidence {
        let own = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let build_system = BuildSystem {
            requires: own(requires),
            build_backend: backend.map(str::to_owned),
            backend_path: own(backend_path),
        };
        SourceEvidence { build_system: Some(build_system), ..SourceEvidence::default() }
    }

    fn offer() -> Offer {
        let of = |version: &str| Interpreter { version: version.to_owned(), provider: Provider::Debian };
        Offer { interpreters: ["3.11", "3.9", "3.13"].map(of).to_vec() }
    }

    #[test]
    fn the_interpreter_is_the_one_that_the_tags_name_else_the_best_on_offer() {
        let source = source(&["x"], Some("x.y"), &[]);
        for (tags, chosen) in [
            ("py3", "3.11"),
            ("py2.py3", "3.11"),
            ("py39", "3.9"),
            ("cp313", "3.13"),
            ("py310.py39", "3.9"),
            ("py39.py311.py313", "3.11"),
            ("py3.py313", "3.13"),
        ] {
            let release = release(&format!("x-1-{tags}-none-any.whl"));
            let inference = infer(&release, &wheel("flit 1.0"), &source, &offer()).unwrap();
            assert_eq!(inference.recipe.interpreter.version, chosen, "{tags}");
        }
        let refused = infer(&release("x-1-py310-none-any.whl"), &wheel("flit 1.0"), &source, &offer());
        assert!(matches!(refused, Err(Unsupported::Interpreter { .. })));
    }

    #[test]
    fn a_native_wheel_gets_the_interpreter_of_its_interface_and_compilers() {
        let source = source(&["Cython", "setuptools"], Some("setuptools.build_meta"), &[]);
        let inferred = |name: &str| {
            let release = release(&name.replace("ARCH", std::env::consts::ARCH));
            infer(&release, &wheel("setuptools (75.1.0)"), &source, &offer())
        };
        for (name, chosen) in [
            ("x-1-cp311-cp311-manylinux_2_17_ARCH.manylinux2014_ARCH.whl", "3.11"),
            ("x-1-cp39-cp39-manylinux1_ARCH.whl", "3.9"),
            ("x-1-cp313-cp313-linux_ARCH.whl", "3.13"),
            ("x-1-cp39-abi3-manylinux2014_ARCH.whl", "3.9"),
            ("x-1-cp36-abi3-manylinux2014_ARCH.musllinux_1_1_ARCH.whl", "3.11"),
            ("x-1-cp312-abi3-manylinux2014_ARCH.whl", "3.13"),
            ("x-1-py3-none-manylinux2014_ARCH.whl", "3.11"),
            ("x-1-cp39-none-manylinux2014_ARCH.whl", "3.9"),
        ] {
            let Inference { recipe, reasons } = inferred(name).unwrap();
            assert_eq!((recipe.interpreter.version.as_str(), recipe.environment.toolchain), (chosen, true), "{name}");
            assert_eq!(recipe.requirements.direct[..2], ["Cython", "setuptools"]);
            assert!(reasons.iter().any(|reason| reason.key == "environment.toolchain"), "{name}");
        }
        for name in [
            "x-1-cp310-cp310-manylinux2014_ARCH.whl",
            "x-1-cp312-cp312-manylinux2014_ARCH.whl",
            "x-1-cp313-cp313t-manylinux2014_ARCH.whl",
            "x-1-cp314-abi3-manylinux2014_ARCH.whl",
            "x-1-pp311-pypy311_pp73-manylinux2014_ARCH.whl",
        ] {
            assert!(matches!(inferred(name), Err(Unsupported::Interpreter { .. })), "{name}");
        }
        for name in [
            "x-1-cp311-cp311-musllinux_1_2_ARCH.whl",
            "x-1-cp311-cp311-macosx_11_0_arm64.whl",
            "x-1-cp311-cp311-win_amd64.whl",
            "x-1-cp311-cp311-manylinux2014_s390x.whl",
            "x-1-cp311-cp311-any.whl",
        ] {
            assert!(matches!(inferred(name), Err(Unsupported::Platform { .. })), "{name}");
        }
    }

    #[test]
    fn an_interpreter_of_the_host_is_taken_where_it_alone_has_the_interface() {
        let of = |version: &str, provider| Interpreter { version: version.to_owned(), provider };
        let interpreters = ["3.11", "3.9"].map(|version| of(version, Provider::Debian));
        let hosts = ["3.11", "3.10", "3.7"].map(|version| of(version, Provider::Host));
        let offer = Offer { interpreters: interpreters.into_iter().chain(hosts).collect() };
        let source = source(&["x"], Some("x.y"), &[]);
        for (tags, chosen, provider) in [
            ("cp311-cp311", "3.11", Provider::Debian),
            ("cp310-cp310", "3.10", Provider::Host),
            ("cp37-cp37m", "3.7", Provider::Host),
        ] {
            let release = release(&format!("x-1-{tags}-manylinux2014_{}.whl", std::env::consts::ARCH));
            let inference = infer(&release, &wheel("flit 1.0"), &source, &offer).unwrap();
            assert_eq!(inference.recipe.interpreter, of(chosen, provider), "{tags}");
        }
    }

    #[test]
    fn a_setup_py_of_old_is_built_as_it_was() {
        let source = SourceEvidence { has_setup_py: true, ..SourceEvidence::default() };
        let inference =
            infer(&release("six-1.16.0-py2.py3-none-any.whl"), &wheel("bdist_wheel (0.36.2)"), &source, &offer())
                .unwrap();
        let recipe = inference.recipe;
        let options = WheelOptions { universal: true, ..WheelOptions::default() };
        assert_eq!(recipe.front_end, FrontEnd::SetupPy { options, python_path: Vec::new() });
        assert_eq!(recipe.requirements.direct, ["setuptools", "wheel", "wheel==0.36.2"]);
        assert_eq!(recipe.requirements.cutoff.to_string(), "2021-05-05T14:18:17Z");
        assert_eq!(recipe.source_date_epoch, Some(1_620_223_200));
        for key in ["interpreter.version", "build.front-end", "build.source-date-epoch", "requirements.cutoff"] {
            assert!(inference.reasons.iter().any(|reason| reason.key == key), "{key}");
        }
    }

    #[test]
    fn old_setuptools_gets_an_interpreter_of_its_time() {
        let of = |version: &str, provider| Interpreter { version: version.to_owned(), provider };
        let interpreters = ["3.11", "3.9"].map(|version| of(version, Provider::Debian));
        let hosts = ["3.10", "3.8", "3.7", "3.6", "2.7"].map(|version| of(version, Provider::Host));
        let offer = Offer { interpreters: interpreters.into_iter().chain(hosts).collect() };
        let source = SourceEvidence { has_setup_py: true, ..SourceEvidence::default() };
        for (tool, uploaded, chosen) in [
            ("bdist_wheel (0.30.0)", "2018-12-04T17:11:33Z", "3.7"),
            ("bdist_wheel (0.30.0)", "2018-02-15T19:01:27Z", "3.6"),
            ("bdist_wheel (0.24.0)", "2015-11-25T18:29:51Z", "2.7"),
            ("bdist_wheel (0.33.6)", "2019-11-03T05:42:01Z", "3.11"),
            ("flit 1.0", "2018-02-15T19:01:27Z", "3.6"),
        ] {
            let first_upload = uploaded.parse().unwrap();
            let release = Release { wheel: "x-1-py2.py3-none-any.whl".parse().unwrap(), first_upload };
            let recipe = infer(&release, &wheel(tool), &source, &offer).unwrap().recipe;
            assert_eq!(recipe.interpreter.version, chosen, "{tool} {uploaded}");
        }
        let mut named = wheel("bdist_wheel (0.37.0)");
        named.named_python = Some((3, 8));
        let recipe = infer(&release("x-1-py3-none-any.whl"), &named, &source, &offer).unwrap().recipe;
        assert_eq!(recipe.interpreter.version, "3.8");
    }

    #[test]
    fn the_dialect_of_the_metadata_limits_setuptools() {
        let source = SourceEvidence { has_setup_py: true, ..SourceEvidence::default() };
        let limited = |metadata: &[u8], entry_points: Option<&[u8]>| {
            let mut wheel = wheel("bdist_wheel (0.37.0)");
            wheel.dialect = Some(Dialect::read(metadata, entry_points, false));
            infer(&release("x-1-py3-none-any.whl"), &wheel, &source, &offer())
                .unwrap()
                .recipe
                .requirements
                .direct
                .split_off(3)
        };
        assert_eq!(limited(b"Home-page: h\nPlatform: UNKNOWN\n\n", None), ["setuptools<62.2"]);
        assert_eq!(limited(b"Home-page: UNKNOWN\nPlatform: UNKNOWN\n\n", None), ["setuptools<60.6"]);
        assert_eq!(limited(b"Home-page: h\n\n", None), [""; 0]);
        // What is surer wins.
        assert_eq!(limited(b"Home-page: h\n\n", Some(b"[a]\nb = c\n\n")), [""; 0]);
    }

    #[test]
    fn the_machine_of_the_publisher_is_switched_on() {
        let source = source(&["x"], Some("x.y"), &[]);
        let switched = |machine| {
            let wheel = WheelEvidence { machine, ..wheel("flit 1.0") };
            infer(&release("x-1-py3-none-any.whl"), &wheel, &source, &offer()).unwrap().recipe.switches
        };
        assert_eq!(switched(Machine::Usual), Switches::default());
        let open = Switches { checkout_umask: Some(0), ..Switches::default() };
        assert_eq!(switched(Machine::OpenCheckout), open);
        assert_eq!(switched(Machine::NoUmask), Switches { umask: Some(0), ..open });
        assert_eq!(switched(Machine::Windows), Switches { umask: Some(0), windows: true, ..open });
    }

    #[test]
    fn a_requirement_that_excludes_the_generator_is_dropped() {
        let source = source(&["flit_core >=2,<3", "x"], Some("flit_core.buildapi"), &[]);
        let inference = infer(&release("x-1-py3-none-any.whl"), &wheel("flit 3.8.0"), &source, &offer()).unwrap();
        assert_eq!(inference.recipe.requirements.direct, ["x", "flit-core==3.8.0"]);
        assert!(
            inference.reasons.iter().any(|reason| reason.because.contains("without the source's flit_core >=2,<3"))
        );
    }

    #[test]
    fn the_generator_pins_the_backend() {
        for (generator, requires, pinned) in [
            ("flit 3.7.1", "flit_core >=3.2", "flit-core==3.7.1"),
            ("hatchling 1.18.0", "hatchling", "hatchling==1.18.0"),
            ("poetry-core 1.7.0", "poetry>=1", "poetry-core==1.7.0"),
            ("poetry 1.0.7", "poetry_core>=1", "poetry-core==1.0.7"),
            ("pdm-backend (2.1.6)", "pdm-backend", "pdm-backend==2.1.6"),
            ("setuptools (75.1.0)", "setuptools>=61", "setuptools==75.1.0"),
        ] {
            let source = source(&[requires], Some("x.y"), &[]);
            let inference = infer(&release("x-1-py3-none-any.whl"), &wheel(generator), &source, &offer()).unwrap();
            assert_eq!(inference.recipe.requirements.direct, [requires, pinned]);
        }
    }

    #[test]
    fn a_backend_is_built_by_the_one_in_its_tree_or_not_at_all() {
        let release = release("hatchling-1.18.0-py3-none-any.whl");
        let in_tree = source(&["pluggy"], Some("hatchling.ouroboros"), &["src"]);
        let inference = infer(&release, &wheel("hatchling 1.18.0"), &in_tree, &offer()).unwrap();
        assert_eq!(inference.recipe.requirements.direct, ["pluggy"]);
        let from_index = source(&["hatchling"], Some("hatchling.build"), &[]);
        let refused = infer(&release, &wheel("hatchling 1.18.0"), &from_index, &offer());
        assert!(matches!(refused, Err(Unsupported::SelfHosted { .. })));
    }

    #[test]
    fn what_cannot_be_built_here_is_said() {
        let source = source(&["x"], Some("x.y"), &[]);
        let of = |file, generator| infer(&release(file), &wheel(generator), &source, &offer()).unwrap_err();
        assert!(matches!(of("x-1-py3-none-any.whl", "maturin (1.0)"), Unsupported::Generator { .. }));
        assert!(matches!(of("x-1-py2-none-any.whl", "flit 1.0"), Unsupported::Interpreter { .. }));
        assert!(matches!(of("x-1-cp311-cp311-win32.whl", "flit 1.0"), Unsupported::Platform { .. }));
    }
}
