//! What the files of a site are, and what hostile text cannot make them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod reading;
#[path = "../../report/examples/pages/samples.rs"]
#[expect(dead_code, reason = "one file of samples for the reports and the pages: each takes its own")]
mod samples;
#[path = "../examples/site/sites.rs"]
mod sites;

use std::collections::{BTreeMap, BTreeSet};

use reading::{Tag, read};
use samples::HOSTILE;
use sites::{Log, every_outcome, statements};
use twinbuild_site::{Kind, Operator, Security, Site, is_safe_path, pages};
use twinbuild_subject::{Sha256, is_misleading};
use twinbuild_verdict::Outcome;

/// The text files of a site.
fn files(site: &Site) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (path, bytes) in pages(site) {
        let before = files.insert(path.clone(), String::from_utf8(bytes).unwrap());
        assert!(before.is_none(), "{path} twice");
    }
    files
}

/// A site with this text wherever foreign text can be.
fn with_text(foreign: &str) -> Site {
    let mut site = every_outcome();
    site.title = foreign.to_owned();
    site.operator = Some(Operator { name: foreign.to_owned(), uri: Some(foreign.to_owned()) });
    site.security = Some(Security { contact: foreign.to_owned(), ..site.security.unwrap() });
    site.log_key = foreign.to_owned();
    site.verdict_keys = vec![foreign.to_owned(), foreign.to_owned()];
    site.base_url = Some(foreign.to_owned());
    let mut log = Log::new();
    let reason = foreign.to_owned();
    log.append("", foreign, Kind::Verdict, samples::with_text(foreign));
    log.append("", foreign, Kind::Disputed { reason: reason.clone() }, samples::with_text(foreign));
    log.append("", foreign, Kind::Retracted { reason }, samples::with_text(foreign));
    site.entries = log.site().entries;
    for entry in &mut site.entries {
        entry.predicate_type = foreign.to_owned();
        entry.verdict.subject.purl = Some(foreign.to_owned());
        entry.files.dsse = foreign.to_owned();
        entry.files.sigstore = foreign.to_owned();
        entry.files.proof = Some(foreign.to_owned());
    }
    site
}

/// The names of tags, and their attributes without values that a name may be in.
fn shape(page: &str) -> Vec<(String, Vec<String>)> {
    let tags = read(page, false).unwrap();
    tags.into_iter().map(|tag| (tag.name, tag.attributes.into_iter().map(|(name, _)| name).collect())).collect()
}

#[test]
fn the_same_site_gives_the_same_bytes() {
    assert_eq!(pages(&every_outcome()).collect::<Vec<_>>(), pages(&every_outcome()).collect::<Vec<_>>());
}

#[test]
fn every_page_and_feed_is_well_formed() {
    for site in [every_outcome(), with_text(HOSTILE)] {
        for (path, text) in files(&site) {
            if path.ends_with(".html") || path.ends_with(".atom") {
                read(&text, path.ends_with(".atom")).unwrap_or_else(|error| panic!("{path}: {error}"));
            }
        }
    }
}

#[test]
fn every_link_leads_to_a_file_of_the_site() {
    for site in [every_outcome(), with_text(HOSTILE)] {
        let files = files(&site);
        let mut known: BTreeSet<String> = files.keys().cloned().collect();
        known.extend(statements(&site).map(|(path, _)| path));
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".html")) {
            let tags = read(text, false).unwrap();
            let ids: BTreeSet<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
            assert_eq!(
                ids.len(),
                tags.iter().filter(|tag| tag.attribute("id").is_some()).count(),
                "{path}: an id twice"
            );
            for target in tags.iter().filter_map(|tag| tag.attribute("href")) {
                if let Some(id) = target.strip_prefix('#') {
                    assert!(ids.contains(id), "{path}: {target}");
                } else if target != "https://foundation.example/" {
                    assert!(known.contains(&resolved(path, target)), "{path}: {target}");
                }
            }
        }
    }
}

/// A relative link, from the root.
fn resolved(from: &str, to: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        if part == ".." {
            parts.pop().unwrap_or_else(|| panic!("{to} leaves the site"));
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[test]
fn hostile_text_leaves_pages_as_they_are() {
    let harmless = vec!["harmless"; HOSTILE.lines().count()].join("\n");
    let (hostile, plain) = (files(&with_text(HOSTILE)), files(&with_text(&harmless)));
    let statements = |files: &BTreeMap<String, String>| -> Vec<_> {
        let mut shapes: Vec<_> =
            files.iter().filter(|(path, _)| path.starts_with("verdicts/")).map(|(_, text)| shape(text)).collect();
        shapes.sort();
        shapes
    };
    assert_eq!(statements(&hostile).len(), 3);
    for (hostile, plain) in statements(&hostile).iter().zip(statements(&plain)) {
        // Whether a name can be linked, or can stand in a command, depends on it; that adds nothing but links and lines.
        let foreign = |shape: &[(String, Vec<String>)]| -> BTreeSet<String> {
            shape.iter().map(|(name, _)| name.clone()).collect()
        };
        assert!(foreign(hostile).is_subset(&foreign(&plain)));
    }
    for (path, text) in &hostile {
        let is_key = path.starts_with("keys/") && !path.ends_with(".html");
        assert!(is_key || !text.contains(|c| is_misleading(c) && !"\n\t".contains(c)), "{path}");
        assert!(is_safe_path(path), "{path}");
    }
    assert!(!hostile.contains_key(".well-known/security.txt"));
}

#[test]
fn no_page_runs_or_loads_anything() {
    for site in [every_outcome(), with_text(HOSTILE)] {
        for (path, text) in files(&site).iter().filter(|(path, _)| path.ends_with(".html")) {
            let tags = read(text, false).unwrap();
            let policy =
                tags.iter().find_map(|tag| tag.attribute("content").filter(|value| value.contains("default-src")));
            let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
            let digest = Sha256::of(style.as_bytes()).to_base64();
            let expected =
                format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
            assert_eq!(policy, Some(expected.as_str()), "{path}");
            assert!(!style.contains("url(") && !style.contains("@import"));
            for Tag { name, attributes } in &tags {
                assert!(
                    !["script", "img", "iframe", "form", "object", "embed", "base"].contains(&name.as_str()),
                    "{path}: {name}"
                );
                for (key, value) in attributes {
                    assert!(
                        !key.starts_with("on") && !["src", "style", "action"].contains(&key.as_str()),
                        "{path}: {key}"
                    );
                    assert!(key != "href" || !value.starts_with("javascript"), "{path}: {value}");
                }
                let is_feed =
                    name == "link" && tags.iter().any(|tag| tag.attribute("type") == Some("application/atom+xml"));
                assert!(name != "link" || is_feed, "{path}");
            }
        }
    }
}

#[test]
fn a_page_has_its_landmarks_and_its_headings_in_order() {
    for (path, text) in files(&every_outcome()).iter().filter(|(path, _)| path.ends_with(".html")) {
        let tags = read(text, false).unwrap();
        let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        assert_eq!((count("main"), count("h1")), (1, 1), "{path}");
        assert_eq!(tags[0].attribute("lang"), Some("en"));
        assert_eq!(tags.iter().find(|tag| tag.name == "a").unwrap().attribute("href"), Some("#main"), "{path}");
        let levels = tags.iter().filter_map(|tag| tag.name.strip_prefix('h')?.parse::<u32>().ok());
        levels.fold(0, |level, next| {
            assert!(next <= level + 1, "{path}: h{next} below h{level}");
            next
        });
        for tag in &tags {
            assert!(tag.name != "th" || tag.attribute("scope").is_some(), "{path}");
            let is_picture = tag.name == "svg" && tag.attribute("aria-hidden").is_none();
            assert!(!is_picture || tag.attribute("aria-label").is_some(), "{path}");
        }
    }
}

#[test]
fn the_newest_entry_of_a_file_counts() {
    let files = files(&every_outcome());
    let site = every_outcome();
    let of = |index: usize| &files[&format!("verdicts/{}/index.html", site.entries[index].payload)];
    let (old, new) = (of(8), of(9));
    assert!(old.contains("Superseded.") && old.contains(&site.entries[9].payload.to_string()));
    assert!(!new.contains("Superseded."));
    assert!(of(17).contains("Retracted.") && of(17).contains("another compiler"));
    assert!(of(18).contains("Disputed."));
    let front = &files["index.html"];
    assert!(front.contains("7 of 16 reproduced") && front.contains("1 verdict was retracted"), "{front}");
}

#[test]
fn what_got_worse_is_told() {
    let regressions = &files(&every_outcome())["regressions/index.html"];
    for file in ["six-1.16.0-py3-none-any.whl", "example-2.0.0-py3-none-any.whl"] {
        assert_eq!(regressions.matches(&format!("<code>{file}</code></th>")).count(), 1, "{file}");
    }
    assert_eq!(regressions.matches("<tr><th scope=\"row\">").count(), 2);
}

#[test]
fn what_decides_nothing_is_no_regression() {
    let regressions = |second: Outcome| {
        let mut log = Log::new();
        log.append("pkg:pypi/a@1", "a-1-py3-none-any.whl", Kind::Verdict, samples::reproduced());
        let mut verdict = samples::unbuildable();
        verdict.outcome = second;
        log.append("pkg:pypi/a@1", "a-1-py3-none-any.whl", Kind::Verdict, verdict);
        files(&log.site())["regressions.atom"].matches("<entry>").count()
    };
    assert_eq!(regressions(Outcome::Inconclusive), 0);
    assert_eq!(regressions(Outcome::Unbuildable), 1);
}

#[test]
fn a_version_is_compared_with_earlier_ones_only() {
    let regressions = |reproduced: &str, fallen: &str| {
        let mut log = Log::new();
        let file = |version: &str| format!("a-{version}-py3-none-any.whl");
        log.append(&format!("pkg:pypi/a@{fallen}"), &file(fallen), Kind::Verdict, samples::unbuildable());
        log.append(&format!("pkg:pypi/a@{reproduced}"), &file(reproduced), Kind::Verdict, samples::reproduced());
        files(&log.site())["regressions.atom"].matches("<entry>").count()
    };
    assert_eq!(regressions("1.9", "1.10"), 1);
    assert_eq!(regressions("1.10", "1.9"), 0);
}

#[test]
fn a_feed_has_stable_names_that_are_its_own() {
    let mut site = every_outcome();
    let ids = |site: &Site| -> Vec<String> {
        let feed = files(site).remove("verdicts.atom").unwrap();
        feed.split("<id>").skip(1).map(|part| part.split_once('<').unwrap().0.to_owned()).collect()
    };
    let before = ids(&site);
    assert_eq!(before.len(), 1 + site.entries.len());
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len());
    site.base_url = None;
    assert_eq!(ids(&site), before);
    site.entries.pop();
    assert_eq!(ids(&site)[1..], before[2..]);
    let feed = &files(&site)["verdicts.atom"];
    assert!(feed.contains("<updated>2026-11-21T09:43:00Z</updated>\n<author>"), "{feed}");
}

#[test]
fn a_contact_is_written_as_the_rfc_says() {
    let file = &files(&every_outcome())[".well-known/security.txt"];
    let expected = "Contact: mailto:security@rebuilds.example\r\nExpires: 2027-06-01T00:00:00Z\r\nPreferred-Languages: en\r\n\
                    Canonical: https://rebuilds.example/.well-known/security.txt\r\n";
    assert_eq!(file, expected);
}

#[test]
fn commands_name_what_is_checked() {
    let site = every_outcome();
    let page = &files(&site)[&format!("verdicts/{}/index.html", site.entries[8].payload)];
    for line in [
        "twinbuild verify six-1.16.0-py3-none-any.whl --policy policy.toml --ledger https://rebuilds.example/",
        "cosign verify-blob-attestation --bundle six-1.16.0-py3-none-any.whl.verdict.sigstore.json --key verdict.pub --type \
         https://twinbuild.dev/verdict/v1 --insecure-ignore-tlog=true six-1.16.0-py3-none-any.whl",
        "slsa-verifier verify-vsa --subject-digest sha256:",
        "openssl pkeyutl -verify -pubin -inkey verdict.pub -rawin -in signed -sigfile signature",
        "twinbuild rebuild 'pkg:pypi/six@1.16.0?file_name=six-1.16.0-py3-none-any.whl'",
    ] {
        assert!(page.contains(line), "{line}");
    }
    let hostile = with_text("a'; $(reboot) `reboot` #.whl");
    for (path, text) in files(&hostile).iter().filter(|(path, _)| path.starts_with("verdicts/")) {
        for line in
            text.split("<span>").skip(1).filter(|line| line.starts_with("twinbuild ") || line.starts_with("cosign "))
        {
            assert!(!line.split("</span>").next().unwrap().contains("reboot"), "{path}: {line}");
        }
    }
}

#[test]
fn an_empty_ledger_has_a_site() {
    let files = files(&Site { entries: Vec::new(), ..every_outcome() });
    assert!(files["index.html"].contains("0 of 0 reproduced"));
    read(&files["verdicts.atom"], true).unwrap();
}
