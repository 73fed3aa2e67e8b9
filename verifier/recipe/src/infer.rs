//! From evidence to a recipe.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pep440_rs::Version;
use twinbuild_subject::{PackageName, WheelFileName};

use crate::source::check_requirement;
use crate::{
    FrontEnd, Generator, Interpreter, MemberTimes, Needs, Reason, Recipe, Requirements, SourceEvidence, Tool,
    WheelEvidence,
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
    let interpreter = choose_interpreter(file_name, offer, &mut reasons)?;
    let front_end = choose_front_end(source, &mut reasons);
    let direct = direct_requirements(file_name, generator, source, &front_end, &mut reasons)?;
    let cutoff = release.first_upload.saturating_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
    reasons.add(
        "requirements.cutoff",
        format!("a second before the first file of the release was uploaded, {}", release.first_upload),
    );
    let source_date_epoch = choose_epoch(wheel.times, release.first_upload, &mut reasons);
    let requirements = Requirements { cutoff, direct, locked: None };
    let environment = choose_environment(file_name, &mut reasons);
    let recipe = Recipe { interpreter, environment, front_end, source_date_epoch, version_control: None, requirements };
    Ok(Inference { recipe, reasons: reasons.0 })
}

#[derive(Default)]
pub(crate) struct Reasons(pub(crate) Vec<Reason>);

impl Reasons {
    pub(crate) fn add(&mut self, key: &str, because: String) {
        self.0.push(Reason { key: key.to_owned(), because });
    }
}

fn choose_interpreter(
    file_name: &WheelFileName,
    offer: &Offer,
    reasons: &mut Reasons,
) -> Result<Interpreter, Unsupported> {
    let rank = |interpreter: &Interpreter| rank(interpreter, file_name);
    // Of equals the first is taken, which is the best that is on offer.
    let found = offer.interpreters.iter().filter(|one| rank(one).is_some()).min_by_key(|one| rank(one));
    let Some(interpreter) = found else {
        let offered: Vec<_> = offer.interpreters.iter().map(|interpreter| interpreter.version.as_str()).collect();
        return Err(Unsupported::Interpreter { tags: shown_tags(file_name), offered: offered.join(", ") });
    };
    reasons.add("interpreter.version", format!("on offer, and it writes wheels tagged {}", shown_tags(file_name)));
    Ok(interpreter.clone())
}

/// The tags that an interpreter writes: `py2.py3`, or with the binary interface where the wheel has one, `cp311-cp311`.
fn shown_tags(file_name: &WheelFileName) -> String {
    let python = file_name.python_tags.join(".");
    if file_name.abi_tags == ["none"] { python } else { format!("{python}-{}", file_name.abi_tags.join(".")) }
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
                    "setuptools.build_meta:__legacy__".to_owned(),
                    "the source's pyproject.toml has a build system without a backend (PEP 517, default)",
                ),
            };
            reasons.add(KEY, because.to_owned());
            FrontEnd::Pep517 { backend, backend_path: system.backend_path.clone() }
        }
        None if source.has_setup_py => {
            reasons.add(KEY, "the source has a setup.py and names no build system".to_owned());
            FrontEnd::SetupPy
        }
        None => {
            reasons.add(KEY, "the source has neither a setup.py nor a build system (PEP 517, default)".to_owned());
            FrontEnd::Pep517 { backend: "setuptools.build_meta:__legacy__".to_owned(), backend_path: Vec::new() }
        }
    }
}

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
    let has_in_tree_backend = matches!(front_end, FrontEnd::Pep517 { backend_path, .. } if !backend_path.is_empty());
    for pin in pins {
        let is_own_project = *pin == file_name.name.as_str() && *version == file_name.version;
        match (is_own_project, has_in_tree_backend) {
            (false, _) => {
                direct.push(format!("{pin}=={version}"));
                reasons.add(REQUIREMENTS, format!("{pin}=={version}, as the wheel's generator says {generator}"));
            }
            (true, true) => {
                reasons.add(REQUIREMENTS, format!("the wheel's generator is {pin} itself, built from its own source"));
            }
            (true, false) => {
                return Err(Unsupported::SelfHosted { name: file_name.name.clone(), version: version.clone() });
            }
        }
    }
    Ok(direct)
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
    use crate::{BuildSystem, Provider};

    fn release(file: &str) -> Release {
        Release { wheel: file.parse().unwrap(), first_upload: "2021-05-05T14:18:18Z".parse().unwrap() }
    }

    fn wheel(generator: &str) -> WheelEvidence {
        WheelEvidence {
            generator: Generator::parse(generator).ok_or(generator.to_owned()),
            times: MemberTimes::Newest("2021-05-05T14:00:00".parse().unwrap()),
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
        assert_eq!(recipe.front_end, FrontEnd::SetupPy);
        assert_eq!(recipe.requirements.direct, ["setuptools", "wheel", "wheel==0.36.2"]);
        assert_eq!(recipe.requirements.cutoff.to_string(), "2021-05-05T14:18:17Z");
        assert_eq!(recipe.source_date_epoch, Some(1_620_223_200));
        for key in ["interpreter.version", "build.front-end", "build.source-date-epoch", "requirements.cutoff"] {
            assert!(inference.reasons.iter().any(|reason| reason.key == key), "{key}");
        }
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
