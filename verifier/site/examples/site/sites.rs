//! Made-up sites.

use jiff::{SignedDuration, Timestamp};
use twinbuild_compare::{Finding, Mismatch, Relation, Severity};
use twinbuild_site::{Entry, Files, Kind, Operator, Security, Site, Summary};
use twinbuild_subject::{Origin, Sha256, Subject};
use twinbuild_verdict::{Level, Matches, Nondeterminism, NondeterminismCause, Outcome, Reason, Verdict};

use crate::samples;

/// When the made-up log began.
const BEGIN: &str = "2026-11-20T03:00:00Z";

/// A log that grows.
pub(crate) struct Log {
    entries: Vec<Entry>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Appends an entry about the file `file_name` of the package `purl`.
    pub(crate) fn append(&mut self, purl: &str, file_name: &str, kind: Kind, mut verdict: Verdict) {
        let index = self.entries.len() as u64;
        let subject = Sha256::of(file_name.as_bytes());
        let payload = Sha256::of(format!("{index} {file_name}").as_bytes());
        verdict.subject = Subject {
            purl: Some(format!("{purl}?file_name={file_name}")),
            file_name: file_name.to_owned(),
            digests: Some(subject.into()),
            ..verdict.subject
        };
        verdict.seal().unwrap();
        let folder = format!("statements/{payload}");
        let is_reproduced = verdict.outcome == Outcome::Reproduced;
        self.entries.push(Entry {
            index,
            time: BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(97 * i64::try_from(index).unwrap()),
            kind,
            subject,
            payload,
            predicate_type: "https://twinbuild.dev/verdict/v1".to_owned(),
            verdict,
            files: Files {
                dsse: format!("{folder}/{file_name}.verdict.dsse.json"),
                sigstore: format!("{folder}/{file_name}.verdict.sigstore.json"),
                proof: Some(format!("{folder}/{file_name}.tlog-proof")),
                summary: is_reproduced.then(|| Summary {
                    dsse: format!("{folder}/{file_name}.summary.dsse.json"),
                    verifier_id: "https://rebuilds.example/".to_owned(),
                    level: "TWINBUILD_REPRODUCED".to_owned(),
                }),
            },
        });
    }

    pub(crate) fn site(self) -> Site {
        Site {
            title: "Rebuilds of an example".to_owned(),
            operator: Some(Operator {
                name: "Example Foundation".to_owned(),
                uri: Some("https://foundation.example/".to_owned()),
            }),
            security: Some(Security {
                contact: "security@rebuilds.example".to_owned(),
                expires: "2027-06-01T00:00:00Z".parse().unwrap(),
            }),
            base_url: Some("https://rebuilds.example/".to_owned()),
            log_key: "rebuilds.example/log+2b4b6a1e+ASlJVYNhkeYIIjgLxRJnEnpXDrHVeUuRHPmvLdNRgnqd".to_owned(),
            verdict_keys: vec![
                "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAKUlVg2GR5ggiOAvFEmcSelcOsdV5S5Ec+a8t01GCep0=\n-----END PUBLIC KEY-----\n"
                    .to_owned(),
            ],
            entries: self.entries,
        }
    }
}

fn ended(outcome: Outcome, class: &str, detail: &str) -> Verdict {
    let subject = Subject {
        origin: Origin::Index,
        purl: None,
        file_name: String::new(),
        size: Some(54_321),
        digests: None,
        upload_time: Some("2026-06-02T00:20:30Z".parse().unwrap()),
    };
    let mut verdict = Verdict::about(subject, "0.1.0");
    verdict.outcome = outcome;
    verdict.reason = Some(Reason { class: class.to_owned(), stage: None, detail: detail.to_owned() });
    verdict
}

fn bit_for_bit() -> Verdict {
    let mut verdict = samples::reproduced();
    verdict.level = Some(Level::BitForBit);
    let comparison = verdict.comparison.as_mut().unwrap();
    (comparison.twins, comparison.first, comparison.second) =
        (Relation::Identical, Relation::Identical, Relation::Identical);
    verdict
}

fn packaging() -> Verdict {
    let mut verdict = samples::not_reproduced();
    verdict.mismatch = Some(Mismatch::Packaging);
    verdict.findings.retain(|finding| finding.severity != Severity::Alert);
    verdict
}

fn unsourced() -> Verdict {
    let mut verdict = samples::not_reproduced();
    verdict.mismatch = Some(Mismatch::Unsourced);
    verdict
}

fn nondeterministic() -> Verdict {
    let mut verdict = samples::reproduced();
    (verdict.outcome, verdict.level) = (Outcome::Nondeterministic, None);
    verdict.matches = Some(Matches::First);
    verdict.nondeterminism = Some(Nondeterminism {
        cause: NondeterminismCause::Variations,
        varies_with: vec![vec!["directory-order".to_owned()]],
        trials: 6,
    });
    let comparison = verdict.comparison.as_mut().unwrap();
    (comparison.twins, comparison.second) = (Relation::Different, Relation::Different);
    let detail = "the twins' contents differ: 812 bytes in the first, 812 in the second, first difference at byte 40";
    verdict.findings.push(Finding::of(
        "twins-differ",
        Severity::Warning,
        &"example/index.json".into(),
        detail.to_owned(),
    ));
    verdict
}

/// A log with verdicts of every outcome, one that got worse, one that was retracted, and one that is disputed.
pub(crate) fn every_outcome() -> Site {
    let mut log = Log::new();
    let wheel = |name: &str, version: &str| {
        (format!("pkg:pypi/{name}@{version}"), format!("{}-{version}-py3-none-any.whl", name.replace('-', "_")))
    };
    let mut append = |(purl, file): (String, String), kind, verdict| log.append(&purl, &file, kind, verdict);
    for (name, version) in
        [("attrs", "24.2.0"), ("certifi", "2026.6.2"), ("six", "1.15.0"), ("typing-extensions", "4.12.2")]
    {
        append(wheel(name, version), Kind::Verdict, samples::reproduced());
    }
    for version in ["1.9.0", "1.10.0"] {
        append(wheel("example", version), Kind::Verdict, samples::normalized());
    }
    append(wheel("example", "1.9.0"), Kind::Verdict, bit_for_bit());
    append(wheel("example", "2.0.0"), Kind::Verdict, samples::not_reproduced());
    append(wheel("six", "1.16.0"), Kind::Verdict, bit_for_bit());
    append(wheel("six", "1.16.0"), Kind::Verdict, nondeterministic());
    append(wheel("pluggy", "1.5.0"), Kind::Verdict, packaging());
    append(wheel("example-plugin", "0.3"), Kind::Verdict, unsourced());
    append(wheel("urllib3", "2.2.2"), Kind::Verdict, samples::unbuildable());
    append(wheel("zipp", "3.19.2"), Kind::Verdict, samples::rejected());
    append(
        wheel("numpy", "2.1.0"),
        Kind::Verdict,
        ended(Outcome::Unsupported, "platform", "wheels for macOS are not judged"),
    );
    append(
        wheel("orphan", "1.0"),
        Kind::Verdict,
        ended(Outcome::SourceMissing, "no-sdist", "the release has no sdist"),
    );
    append(
        wheel("slow", "1.0"),
        Kind::Verdict,
        ended(Outcome::Inconclusive, "limit", "the build took longer than 3600 seconds"),
    );
    let reason = "the environment had another compiler than the verdict says".to_owned();
    append(wheel("typing-extensions", "4.12.2"), Kind::Retracted { reason }, samples::reproduced());
    let reason = "it was built on a machine of ours; see the project's issue 12".to_owned();
    append(wheel("pluggy", "1.5.0"), Kind::Disputed { reason }, packaging());
    log.append("pkg:npm/%40example/left-pad@1.3.0", "left-pad-1.3.0.tgz", Kind::Verdict, samples::reproduced());
    log.append("pkg:cargo/example@0.9.1", "example-0.9.1.crate", Kind::Verdict, bit_for_bit());
    log.site()
}

/// Files that stand for the statements of a site, so that each link leads somewhere.
pub(crate) fn statements(site: &Site) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    site.entries.iter().flat_map(|entry| {
        let Files { dsse, sigstore, proof, summary } = &entry.files;
        let summary = summary.as_ref().map(|summary| &summary.dsse);
        [Some(dsse), Some(sigstore), proof.as_ref(), summary]
            .into_iter()
            .flatten()
            .map(|path| (path.clone(), b"{}\n".to_vec()))
    })
}
