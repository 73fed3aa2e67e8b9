//! The recipe of an sdist that is built from a tree.

use jiff::Timestamp;
use jiff::civil::DateTime;
use pep440_rs::{Operator, Version, VersionSpecifiers};
use pep508_rs::VersionOrUrl;
use twinbuild_subject::{SdistFileName, SdistFormat};

use crate::infer::{REQUIREMENTS, Reasons, choose_front_end, names_requirement, seconds_of, source_requirements};
use crate::source::check_requirement;
use crate::{
    FrontEnd, Inference, Interpreter, MemberTimes, Needs, Offer, Recipe, Requirements, SourceEvidence, Switches,
    Unsupported, parse_headers,
};

/// What is learned from a published sdist: typed and bounded values only. Unlike a wheel it does not say which tool wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistEvidence {
    /// `Metadata-Version` of its `PKG-INFO`.
    pub metadata_version: Option<(u8, u8)>,
    /// `Requires-Python` of its `PKG-INFO`.
    pub requires_python: Option<VersionSpecifiers>,
    /// How its file name spells the project's name, where that tells anything.
    pub spelling: Option<Spelling>,
    /// The times of its members.
    pub times: MemberTimes,
    /// The time in the header of its gzip file, in seconds since 1970-01-01 UTC: when it was written, or `SOURCE_DATE_EPOCH`.
    pub gzip_seconds: Option<u32>,
}

/// How a file name spells the name of a project that has capitals, dots or dashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As the project itself does: `My.Demo-1.0`.
    Own,
    /// In the normal form (PEP 625): `my_demo-1.0`.
    Normal,
}

impl SdistEvidence {
    /// Reads `PKG-INFO`, where there is one, and the times of an sdist of that name.
    #[must_use]
    pub fn read(
        file_name: &SdistFileName,
        pkg_info: Option<&[u8]>,
        times: impl IntoIterator<Item = Option<DateTime>>,
        gzip_seconds: Option<u32>,
    ) -> Self {
        let text = pkg_info.map(String::from_utf8_lossy).unwrap_or_default();
        let (headers, _) = parse_headers(&text);
        let value = |name: &str| {
            headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.trim())
        };
        let metadata_version = value("metadata-version").and_then(|value| {
            let (major, minor) = value.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
        Self {
            metadata_version,
            requires_python: value("requires-python").and_then(|value| value.parse().ok()),
            spelling: value("name").and_then(|name| Spelling::of(file_name, name)),
            times: MemberTimes::of(times),
            gzip_seconds: gzip_seconds.filter(|seconds| *seconds != 0),
        }
    }
}

impl Spelling {
    /// How `file_name` spells `name`; `None` where both forms are the same, or it does neither.
    fn of(file_name: &SdistFileName, name: &str) -> Option<Self> {
        let normal = name.to_ascii_lowercase().replace(['-', '.'], "_");
        let is_spelled = |name: &str| file_name.text.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
        match (normal == name, is_spelled(name), is_spelled(&normal)) {
            (false, true, false) => Some(Self::Own),
            (false, false, true) => Some(Self::Normal),
            _ => None,
        }
    }
}

/// The recipe that the evidence speaks for, by which the tree `source` becomes the sdist `file_name`, of a release whose first
/// file was uploaded at `first_upload`.
///
/// # Errors
/// [`Unsupported::Python`] where no interpreter on offer is one that the project runs on; [`Unsupported::SelfHosted`].
pub fn infer_sdist(
    file_name: &SdistFileName,
    first_upload: Timestamp,
    sdist: &SdistEvidence,
    source: &SourceEvidence,
    offer: &Offer,
) -> Result<Inference, Unsupported> {
    let mut reasons = Reasons::default();
    let interpreter = choose_interpreter(sdist, offer, &mut reasons)?;
    let front_end = choose_sdist_front_end(file_name, source, &mut reasons);
    let mut direct = source_requirements(source, &mut reasons);
    let narrowed = narrowed(&front_end, sdist, &direct);
    let is_own = narrowed.iter().any(|(tool, ..)| tool.project == file_name.name.as_str());
    if is_own && !matches!(&front_end, FrontEnd::Pep517 { backend_path, .. } if !backend_path.is_empty()) {
        return Err(Unsupported::SelfHosted { name: file_name.name.clone(), version: file_name.version.clone() });
    }
    for (tool, range, because) in narrowed.into_iter().filter(|_| !is_own) {
        direct.push(format!("{}{range}", tool.project));
        reasons.add(REQUIREMENTS, format!("{}{range}, as {because}", tool.project));
    }
    let cutoff = first_upload.saturating_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
    reasons.add(
        "requirements.cutoff",
        format!("a second before the first file of the release was uploaded, {first_upload}"),
    );
    let source_date_epoch = choose_epoch(sdist, first_upload, &mut reasons);
    let requirements = Requirements { cutoff, direct, locked: None };
    let environment = Needs::default();
    let recipe = Recipe {
        interpreter,
        environment,
        front_end,
        switches: Switches::default(),
        source_date_epoch,
        version_control: None,
        requirements,
    };
    Ok(Inference { recipe, reasons: reasons.0 })
}

/// The best on offer that the project says it runs on. An sdist says of no other interpreter that it was made by it: the
/// dialect of its tar, which does, is a container parameter.
fn choose_interpreter(sdist: &SdistEvidence, offer: &Offer, reasons: &mut Reasons) -> Result<Interpreter, Unsupported> {
    const KEY: &str = "interpreter.version";
    let Some(required) = &sdist.requires_python else {
        let first = offer.interpreters.first().cloned();
        reasons.add(KEY, "the best on offer, as the sdist requires none in particular".to_owned());
        return first.ok_or_else(|| Unsupported::Python { required: String::new(), offered: String::new() });
    };
    // The newest of that version, which is what `>=3.11.4` asks for.
    let admits = |interpreter: &&Interpreter| {
        let versions = [format!("{}.999", interpreter.version), interpreter.version.clone()];
        versions.iter().any(|version| version.parse::<Version>().is_ok_and(|version| required.contains(&version)))
    };
    let found = offer.interpreters.iter().find(admits).cloned().ok_or_else(|| {
        let offered: Vec<_> = offer.interpreters.iter().map(|interpreter| interpreter.version.as_str()).collect();
        Unsupported::Python { required: required.to_string(), offered: offered.join(", ") }
    })?;
    reasons.add(KEY, format!("the best on offer that meets the sdist's Requires-Python, {required}"));
    Ok(found)
}

fn choose_sdist_front_end(file_name: &SdistFileName, source: &SourceEvidence, reasons: &mut Reasons) -> FrontEnd {
    if file_name.format == SdistFormat::Zip && source.has_setup_py {
        let because = "the sdist is a zip file, which `setup.py sdist` writes and no hook of a backend (PEP 517)";
        reasons.add("build.front-end", because.to_owned());
        return FrontEnd::setup_py();
    }
    choose_front_end(source, reasons)
}

/// A tool that writes sdists, and what its releases write.
struct SdistTool {
    /// The top-level module of its backend.
    module: &'static str,
    /// The project.
    project: &'static str,
    /// The `Metadata-Version`s that tell its releases apart, with the releases that write each. Read in their wheels.
    metadata: &'static [((u8, u8), &'static str)],
    /// Since when its file names are in the normal form (PEP 625), where that was not always so.
    normal_names_since: Option<&'static str>,
}

/// pdm-backend is not among them: it writes the lowest `Metadata-Version` that does.
const SDIST_TOOLS: [SdistTool; 4] = [
    SdistTool {
        module: "setuptools",
        project: "setuptools",
        metadata: &[((2, 1), "<75.8"), ((2, 2), ">=75.8,<77"), ((2, 4), ">=77")],
        normal_names_since: Some("69.3"),
    },
    SdistTool {
        module: "hatchling",
        project: "hatchling",
        metadata: &[((2, 1), "<1.22"), ((2, 2), ">=1.22,<1.25"), ((2, 3), ">=1.22,<1.27"), ((2, 4), ">=1.26")],
        normal_names_since: None,
    },
    SdistTool {
        module: "flit_core",
        project: "flit-core",
        metadata: &[((2, 1), "<3.10"), ((2, 3), ">=3.10,<3.11"), ((2, 4), ">=3.11")],
        normal_names_since: None,
    },
    SdistTool {
        module: "poetry",
        project: "poetry-core",
        metadata: &[((2, 1), "<2"), ((2, 3), ">=2"), ((2, 4), ">=2.2")],
        normal_names_since: None,
    },
];

/// Which releases of the backend can have written the sdist: a range for each thing that tells, and what it is. One that the
/// source's own requirements `direct` rule out is left out: then something else wrote the file, and the build will show it.
fn narrowed(
    front_end: &FrontEnd,
    sdist: &SdistEvidence,
    direct: &[String],
) -> Vec<(&'static SdistTool, String, String)> {
    let module = match front_end {
        FrontEnd::SetupPy { .. } => "setuptools",
        FrontEnd::Pep517 { backend, .. } => backend.split(['.', ':']).next().unwrap_or_default(),
    };
    let Some(tool) = SDIST_TOOLS.iter().find(|tool| tool.module == module) else { return Vec::new() };
    // Whoever names no such requirement gets it through a project that stands in front of it, such as poetry.
    if !names_requirement(direct, tool.project) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let by_metadata = tool.metadata.iter().find(|(version, _)| Some(*version) == sdist.metadata_version);
    if let Some(((major, minor), range)) = by_metadata {
        found.push(((*range).to_owned(), format!("its releases write Metadata-Version {major}.{minor} into PKG-INFO")));
    }
    let by_spelling = tool.normal_names_since.zip(sdist.spelling).map(|(since, spelling)| match spelling {
        Spelling::Own => {
            (format!("<{since}"), "its releases spell the file name as the project spells itself".to_owned())
        }
        Spelling::Normal => (format!(">={since}"), "its releases spell the file name in the normal form".to_owned()),
    });
    found.extend(by_spelling);
    found.retain(|(range, _)| !is_ruled_out(tool.project, range, direct));
    found.into_iter().map(|(range, because)| (tool, range, because)).collect()
}

/// Whether the requirements ask for releases of a project above or below all of `range`.
fn is_ruled_out(project: &str, range: &str, direct: &[String]) -> bool {
    let Ok(range) = range.parse::<VersionSpecifiers>() else { return true };
    let own = direct.iter().filter_map(|text| check_requirement("", text).ok());
    let own = own.filter(|requirement| requirement.name.to_string() == project);
    own.filter_map(|requirement| match requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => Some(specifiers),
        _ => None,
    })
    .any(|specifiers| {
        specifiers.iter().any(|asked| {
            let is_floor = matches!(
                asked.operator(),
                Operator::GreaterThan | Operator::GreaterThanEqual | Operator::TildeEqual | Operator::Equal
            );
            let is_ceiling = matches!(asked.operator(), Operator::LessThan | Operator::LessThanEqual | Operator::Equal);
            range.iter().any(|bound| match bound.operator() {
                Operator::LessThan => is_floor && asked.version() >= bound.version(),
                Operator::GreaterThanEqual if *asked.operator() == Operator::LessThan => {
                    asked.version() <= bound.version()
                }
                Operator::GreaterThanEqual => is_ceiling && asked.version() < bound.version(),
                _ => false,
            })
        })
    })
}

fn choose_epoch(sdist: &SdistEvidence, first_upload: Timestamp, reasons: &mut Reasons) -> Option<i64> {
    const KEY: &str = "build.source-date-epoch";
    match (sdist.times, sdist.gzip_seconds) {
        (MemberTimes::Uniform(time), _) => {
            reasons.add(KEY, format!("all members of the sdist have this time, {time}"));
            seconds_of(time)
        }
        (MemberTimes::Newest(_) | MemberTimes::None, Some(seconds)) => {
            reasons.add(KEY, "the time in the header of the sdist's gzip file".to_owned());
            Some(seconds.into())
        }
        (MemberTimes::Newest(time), None) => {
            reasons.add(KEY, format!("the newest time of a member of the sdist, {time}"));
            seconds_of(time)
        }
        (MemberTimes::None, None) => {
            reasons.add(KEY, "the sdist has no times; the first upload of the release".to_owned());
            Some(first_upload.as_second())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuildSystem, Provider};

    fn name(text: &str) -> SdistFileName {
        text.parse().unwrap()
    }

    fn evidence(file_name: &str, pkg_info: &str) -> SdistEvidence {
        let times = ["2024-01-01T00:00:00", "2024-01-02T00:00:00"].map(|time| Some(time.parse().unwrap()));
        SdistEvidence::read(&name(file_name), Some(pkg_info.as_bytes()), times, Some(1_704_200_000))
    }

    fn source(requires: &[&str], backend: &str) -> SourceEvidence {
        let build_system = BuildSystem {
            requires: requires.iter().map(|text| (*text).to_owned()).collect(),
            build_backend: Some(backend.to_owned()),
            backend_path: Vec::new(),
        };
        SourceEvidence { build_system: Some(build_system), ..SourceEvidence::default() }
    }

    fn inferred(file_name: &str, pkg_info: &str, source: &SourceEvidence) -> Result<Inference, Unsupported> {
        let of = |version: &str| Interpreter { version: version.to_owned(), provider: Provider::Debian };
        let offer = Offer { interpreters: ["3.11", "3.9", "3.13"].map(of).to_vec() };
        let upload = "2024-01-03T00:00:00Z".parse().unwrap();
        infer_sdist(&name(file_name), upload, &evidence(file_name, pkg_info), source, &offer)
    }

    #[test]
    fn pkg_info_narrows_the_backend() {
        for (file_name, pkg_info, requires, backend, added) in [
            (
                "demo-1.0.tar.gz",
                "Metadata-Version: 2.1\nName: demo\n",
                "setuptools",
                "setuptools.build_meta",
                &["setuptools<75.8"][..],
            ),
            (
                "demo-1.0.tar.gz",
                "Metadata-Version: 2.2\nName: demo\n",
                "setuptools>=61",
                "setuptools.build_meta",
                &["setuptools>=75.8,<77"],
            ),
            (
                "My.Demo-1.0.tar.gz",
                "Metadata-Version: 2.1\nName: My.Demo\n",
                "setuptools",
                "setuptools.build_meta",
                &["setuptools<75.8", "setuptools<69.3"],
            ),
            (
                "my_demo-1.0.tar.gz",
                "Metadata-Version: 9.9\nName: My.Demo\n",
                "setuptools",
                "setuptools.build_meta",
                &["setuptools>=69.3"],
            ),
            (
                "demo-1.0.tar.gz",
                "Metadata-Version: 2.4\nName: demo\n",
                "hatchling",
                "hatchling.build",
                &["hatchling>=1.26"],
            ),
            (
                "demo-1.0.tar.gz",
                "Metadata-Version: 2.3\nName: demo\n",
                "flit_core>=3",
                "flit_core.buildapi",
                &["flit-core>=3.10,<3.11"],
            ),
            (
                "demo-1.0.tar.gz",
                "Metadata-Version: 2.1\nName: demo\n",
                "poetry-core",
                "poetry.core.masonry.api",
                &["poetry-core<2"],
            ),
            ("demo-1.0.tar.gz", "Metadata-Version: 2.1\nName: demo\n", "poetry", "poetry.masonry.api", &[]),
            ("demo-1.0.tar.gz", "Metadata-Version: 2.1\nName: demo\n", "pdm-backend", "pdm.backend", &[]),
            ("demo-1.0.tar.gz", "", "setuptools", "setuptools.build_meta", &[]),
        ] {
            let Inference { recipe, reasons } = inferred(file_name, pkg_info, &source(&[requires], backend)).unwrap();
            assert_eq!(recipe.requirements.direct[1..], *added, "{pkg_info} {requires}");
            let told = reasons.iter().filter(|reason| reason.because.contains(", as its releases")).count();
            assert_eq!(told, added.len());
        }
    }

    #[test]
    fn what_the_source_itself_rules_out_does_not_narrow() {
        for requires in ["setuptools>=77", "setuptools==80.0.0", "setuptools~=76.0", "setuptools>75.8"] {
            let source = source(&[requires], "setuptools.build_meta");
            let recipe = inferred("demo-1.0.tar.gz", "Metadata-Version: 2.1\n", &source).unwrap().recipe;
            assert_eq!(recipe.requirements.direct, [requires]);
        }
        for requires in ["setuptools<77", "setuptools==60"] {
            let source = source(&[requires], "setuptools.build_meta");
            let recipe = inferred("demo-1.0.tar.gz", "Metadata-Version: 2.4\n", &source).unwrap().recipe;
            assert_eq!(recipe.requirements.direct, [requires]);
        }
    }

    #[test]
    fn the_interpreter_is_the_best_that_the_project_runs_on() {
        let source = source(&["setuptools"], "setuptools.build_meta");
        for (required, chosen) in
            [("", "3.11"), (">=3.12", "3.13"), (">=3.8", "3.11"), ("<3.10", "3.9"), (">=3.13.1", "3.13")]
        {
            let recipe =
                inferred("demo-1.0.tar.gz", &format!("Requires-Python: {required}\n"), &source).unwrap().recipe;
            assert_eq!(recipe.interpreter.version, chosen, "{required}");
        }
        let refused = inferred("demo-1.0.tar.gz", "Requires-Python: <3\n", &source);
        assert!(matches!(refused, Err(Unsupported::Python { .. })));
    }

    #[test]
    fn the_epoch_is_that_of_all_members_or_of_the_gzip_header() {
        let source = source(&["setuptools"], "setuptools.build_meta");
        let recipe = inferred("demo-1.0.tar.gz", "", &source).unwrap().recipe;
        assert_eq!(recipe.source_date_epoch, Some(1_704_200_000));
        assert_eq!(recipe.requirements.cutoff.to_string(), "2024-01-02T23:59:59Z");
        let times = [Some("2020-02-02T00:00:00".parse().unwrap())];
        let uniform = SdistEvidence::read(&name("demo-1.0.tar.gz"), None, times, Some(7));
        let mut reasons = Reasons::default();
        assert_eq!(choose_epoch(&uniform, Timestamp::MIN, &mut reasons), Some(1_580_601_600));
    }

    #[test]
    fn a_zip_file_is_written_by_setup_py() {
        let with_setup_py = SourceEvidence { has_setup_py: true, ..source(&["setuptools"], "setuptools.build_meta") };
        let front_end = |file_name| inferred(file_name, "", &with_setup_py).unwrap().recipe.front_end;
        assert_eq!(front_end("demo-1.0.zip"), FrontEnd::setup_py());
        assert!(matches!(front_end("demo-1.0.tar.gz"), FrontEnd::Pep517 { .. }));
    }

    #[test]
    fn a_backend_is_not_built_by_itself() {
        let refused =
            inferred("hatchling-1.0.tar.gz", "Metadata-Version: 2.1\n", &source(&["hatchling"], "hatchling.build"));
        assert!(matches!(refused, Err(Unsupported::SelfHosted { .. })));
    }
}
