//! One small verdict of each outcome.

use twinbuild_compare::{ByteCounts, Comparison, FileCounts, Finding, Mismatch, Relation, Severity};
use twinbuild_recipe::Recipe;
use twinbuild_statement::{Members, Statement};
use twinbuild_subject::{MemberPath, ObjectId, Origin, Sha256, Subject};
use twinbuild_verdict::{
    ArtifactRecord, AttestationRecord, EnvironmentRecord, GitSource, InputRecord, Level, LogRecord, Matches, Outcome,
    Reason, Rebuild, RecipeRecord, RecordedVerdict, Source, SourceKind, Trust, VariationRecord, Verdict,
};

pub(crate) const FILE_NAME: &str = "example-1.0-py3-none-any.whl";

pub(crate) const OUTCOMES: [Outcome; 8] = [
    Outcome::Rejected,
    Outcome::Unsupported,
    Outcome::SourceMissing,
    Outcome::Inconclusive,
    Outcome::Unbuildable,
    Outcome::Nondeterministic,
    Outcome::NotReproduced,
    Outcome::Reproduced,
];

/// The same source, as a commit that is trusted so.
pub(crate) fn of_commit(source: Source, trust: Trust) -> Source {
    let commit: ObjectId = "ab".repeat(20).parse().unwrap();
    let git = GitSource {
        commit: commit.clone(),
        tree: "cd".repeat(20).parse().unwrap(),
        tree_sha256: Sha256::of(b"tree"),
        committed: "2023-06-01T00:00:00Z".parse().unwrap(),
        tag: None,
        subdirectory: None,
        submodules: Vec::new(),
    };
    let attestation = (trust == Trust::AttestedCommit).then(|| AttestationRecord {
        repository: "https://git.example/example".to_owned(),
        commit,
        reference: None,
        workflow: "release.yml".to_owned(),
        issuer: "https://issuer.example/".to_owned(),
        sha256: Sha256::of(b"attestation"),
    });
    Source { kind: SourceKind::Git, trust, git: Some(git), attestation, ..source }
}

/// A verdict of that outcome, not sealed.
pub(crate) fn verdict(outcome: Outcome) -> Verdict {
    let subject = Subject {
        origin: Origin::Index,
        purl: Some(format!("pkg:pypi/example@1.0?file_name={FILE_NAME}")),
        file_name: FILE_NAME.to_owned(),
        size: Some(9),
        digests: Some(Sha256::of(b"published").into()),
        upload_time: Some("2023-06-02T00:20:30Z".parse().unwrap()),
    };
    let mut verdict = Verdict::about(subject, "0.1.0");
    verdict.run.started = Some("2026-11-25T10:00:00Z".parse().unwrap());
    verdict.outcome = outcome;
    match outcome {
        Outcome::Rejected | Outcome::Unsupported | Outcome::SourceMissing | Outcome::Inconclusive => {}
        Outcome::Unbuildable => {
            add_builds(&mut verdict);
            verdict.rebuilds.iter_mut().for_each(|rebuild| rebuild.artifact = None);
        }
        Outcome::Nondeterministic => {
            add_builds(&mut verdict);
            verdict.matches = Some(Matches::None);
            verdict.comparison = Some(comparison(Relation::Different, Relation::Different));
        }
        Outcome::NotReproduced => {
            add_builds(&mut verdict);
            verdict.mismatch = Some(Mismatch::Packaging);
            verdict.comparison = Some(comparison(Relation::Equivalent, Relation::Different));
        }
        Outcome::Reproduced => {
            add_builds(&mut verdict);
            verdict.level = Some(Level::Repacked);
            verdict.comparison = Some(comparison(Relation::Equivalent, Relation::Equivalent));
        }
    }
    if verdict.comparison.is_none() {
        verdict.reason = Some(Reason { class: "made-up".to_owned(), stage: None, detail: "of a test".to_owned() });
    }
    verdict
}

fn comparison(twins: Relation, published: Relation) -> Comparison {
    Comparison {
        twins,
        first: published,
        second: published,
        repacked_first: published != Relation::Different,
        repacked_second: published != Relation::Different,
        files: FileCounts { total: 2, identical: 2, ..FileCounts::default() },
        bytes: ByteCounts { total: 9, identical: 5, container: 4, ..ByteCounts::default() },
        members: Vec::new(),
    }
}

fn add_builds(verdict: &mut Verdict) {
    let (sdist, setuptools) = (Sha256::of(b"sdist"), Sha256::of(b"setuptools"));
    verdict.source = Some(Source {
        kind: SourceKind::Sdist,
        trust: Trust::SameUpload,
        uri: Some("pkg:pypi/example@1.0?file_name=example-1.0.tar.gz".to_owned()),
        file_name: "example-1.0.tar.gz".to_owned(),
        digests: sdist.into(),
        git: None,
        attestation: None,
    });
    let toml = format!(
        "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"pep517\"\nbackend = \"setuptools.build_meta\"\n\
         source-date-epoch = 1626250756\n[requirements]\ncutoff = \"2023-06-02T00:20:30Z\"\ndirect = [\"setuptools\"]\n\
         [[requirements.locked]]\nname = \"setuptools\"\nversion = \"57.1.0\"\nfile-name = \"setuptools-57.1.0-py3-none-any.whl\"\n\
         sha256 = \"{setuptools}\"\n"
    );
    let recipe = Recipe::from_toml(&toml).unwrap();
    let digest = recipe.digest();
    verdict.recipe = Some(RecipeRecord { recipe, origin: "inferred".into(), given: None, digest });
    let input = |kind: &str, name: &str, sha256| InputRecord { kind: kind.to_owned(), name: name.to_owned(), sha256 };
    verdict.shared_inputs = vec![
        input("source", "example-1.0.tar.gz", sdist),
        input("requirement", "setuptools 57.1.0", setuptools),
        input("tool", "uv 0.9.0", Sha256::of(b"uv")),
    ];
    verdict.rebuilds = vec![rebuild("first", "UTC0"), rebuild("second", "TWIN-13:45")];
    for twin in ["first", "second"] {
        verdict.run.artifacts.insert(twin.to_owned(), Sha256::of(twin.as_bytes()).into());
        let log = LogRecord { bytes: 3, sha256: Sha256::of(b"log").to_string() };
        verdict.run.logs.insert(twin.to_owned(), log);
    }
}

fn rebuild(name: &'static str, zone: &str) -> Rebuild {
    let zone = VariationRecord { name: "time-zone".to_owned(), value: zone.to_owned(), effective: true };
    let digests = (name == "first").then(|| Sha256::of(b"first").into());
    Rebuild {
        name: name.into(),
        environment: EnvironmentRecord { digest: Sha256::of(b"environment"), layers: vec![Sha256::of(b"layer")] },
        inputs: Vec::new(),
        variations: vec![zone],
        artifact: Some(ArtifactRecord { file_name: FILE_NAME.to_owned(), members: None, digests }),
        network_attempts: 0,
        evidence: None,
    }
}

pub(crate) fn alert() -> Finding {
    Finding::whole("made-up", Severity::Alert, "of a test".to_owned())
}

pub(crate) fn sealed(mut verdict: Verdict) -> RecordedVerdict {
    verdict.seal().unwrap();
    RecordedVerdict::of(&verdict).unwrap()
}

pub(crate) fn members() -> Members {
    let paths = ["example/__init__.py", "example-1.0.dist-info/METADATA", "example-1.0.dist-info/RECORD"];
    paths.into_iter().map(|path| (MemberPath::from(path), Sha256::of(path.as_bytes()))).collect()
}

/// The verdict statement of a verdict of that outcome.
pub(crate) fn statement(outcome: Outcome) -> Statement {
    Statement::of_verdict(&sealed(verdict(outcome)), &members()).unwrap()
}
