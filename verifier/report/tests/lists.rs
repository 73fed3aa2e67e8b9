//! What reports on lists say, and what hostile text cannot make them say.

#![allow(clippy::unwrap_used, reason = "tests")]

mod reading;
#[path = "../examples/pages/lists.rs"]
mod samples;

use reading::structure;
use twinbuild_report::{AboutRun, CorpusReport, Style, SubjectResult, html, json, markdown, text};
use twinbuild_subject::is_misleading;

const HOSTILE: &str = "</code></pre></details></svg><script>alert(1)</script><image href=x onerror=alert(2)>\" onload='x' &lt;b&gt; \
    ```\n````` ` \n# reproduced\n- [x](javascript:alert(3)) ![y](//e.example/z) |x|\\|y| **bold** \u{202e}gpj.exe\u{1b}[2J\r\n---\t";

/// As many lines, and nothing else in common with it.
fn harmless() -> String {
    vec!["harmless"; HOSTILE.lines().count()].join("\n")
}

/// The tags of a page, as they stand there, but for where bars begin and how long they are.
fn tags(page: &str) -> Vec<&str> {
    let body = page.split_once("</style>").unwrap().1;
    body.split('<').skip(1).map(|piece| piece.split_once('>').unwrap().0).collect()
}

#[test]
fn hostile_text_leaves_the_tags_of_a_page_as_they_are() {
    let (hostile, plain) = (html(&samples::list_with_text(HOSTILE)), html(&samples::list_with_text(&harmless())));
    assert_eq!(tags(&hostile), tags(&plain));
    assert!(!hostile.contains(|c| is_misleading(c) && !"\n\t".contains(c)));
}

#[test]
fn hostile_text_leaves_the_structure_of_markdown_as_it_is() {
    let (hostile, plain) =
        (markdown(&samples::list_with_text(HOSTILE)), markdown(&samples::list_with_text(&harmless())));
    assert_eq!(structure(&hostile), structure(&plain));
    assert!(!hostile.contains(|c| is_misleading(c) && !"\n\t".contains(c)));
}

#[test]
fn hostile_text_leaves_pictures_as_they_are() {
    let pictures =
        |text: &str| samples::list_with_text(text).pictures().iter().map(|one| one.svg()).collect::<String>();
    let (hostile, plain) = (pictures(HOSTILE), pictures(&harmless()));
    assert_eq!(hostile.matches('<').count(), plain.matches('<').count());
    assert!(!hostile.contains(|c| is_misleading(c) && !"\n\t".contains(c)));
}

#[test]
fn hostile_text_stays_on_its_lines_in_a_terminal() {
    let (hostile, plain) = (
        text(&samples::list_with_text(HOSTILE), Style::Plain),
        text(&samples::list_with_text(&harmless()), Style::Plain),
    );
    assert_eq!(hostile.lines().count(), plain.lines().count(), "{hostile}");
    assert!(!hostile.contains(|c| is_misleading(c) && !"\n\t".contains(c)));
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let page = html(&samples::list());
    for loading in ["<script", "<link", "<img", "<image", "<iframe", "<a ", "src=", "href", "url(", "style=\"", "://"] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains("default-src 'none'"));
    for picture in samples::list().pictures() {
        let svg = picture.svg().replace("http://www.w3.org/2000/svg", "");
        assert!(!["<script", "<image", "href", "url(", "://"].iter().any(|loading| svg.contains(loading)));
    }
}

#[test]
fn each_miss_has_the_command_that_shows_it() {
    let report = samples::list();
    for page in [markdown(&report), html(&report)] {
        for name in ["gamma", "delta"] {
            let command = format!("pkg:pypi/{name}@1.0?file_name={name}-1.0-py3-none-any.whl");
            assert!(page.contains(&command), "{name}: {page}");
        }
        assert!(!page.contains("twinbuild rebuild 'pkg:pypi/beta"), "{page}");
    }
}

#[test]
fn an_alert_takes_the_good_news_back() {
    let mut subjects = samples::list().subjects;
    subjects.retain(|result| result.kind().is_reproduced());
    let report = |subjects: &[SubjectResult]| CorpusReport::new(AboutRun::default(), subjects.to_vec(), None);
    assert!(html(&report(&subjects)).contains("<header class=\"good\">"));
    assert_eq!(report(&subjects).summary().reproduced_with_alert, 0);
    subjects[0].has_alert = true;
    let report = report(&subjects);
    assert!(html(&report).contains("<header class=\"open\">") && html(&report).contains("Reproduced, with an alert"));
    assert!(text(&report, Style::Plain).contains("with an alert: alpha-1.0-py3-none-any.whl\n"));
    assert_eq!(report.summary().reproduced_with_alert, 1);
}

#[test]
fn a_report_is_read_back_from_its_json() {
    let report = samples::list();
    let read: CorpusReport = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let about = AboutRun { file_stem: "report".to_owned(), ..read.about };
    assert_eq!(CorpusReport { about, ..read }, report);
}

#[test]
fn changes_are_sorted_by_what_they_mean() {
    let changes = samples::list().changes.unwrap();
    let names = |changed: &[twinbuild_report::Change]| -> Vec<String> {
        changed.iter().map(|change| change.shown.split('-').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&changes.newly_reproduced), ["alpha"]);
    assert_eq!(names(&changes.no_longer_reproduced), ["delta"]);
    assert_eq!(names(&changes.other_level), ["beta"]);
    assert_eq!(names(&changes.other_cause), ["gamma"]);
    assert_eq!((changes.before.reproduced(), changes.now.reproduced(), changes.now.total), (3, 3, 6));
    // A subject that only one of two runs has is no change.
    let all = samples::list().subjects;
    let changes = twinbuild_report::Changes::between(&all[..4], &all[1..]);
    assert_eq!((changes.only_before, changes.only_now, changes.now.total), (1, 2, 3));
}

#[test]
fn a_list_of_nothing_is_reported_on() {
    let report = CorpusReport::new(AboutRun::default(), Vec::new(), None);
    for page in [markdown(&report), html(&report), text(&report, Style::Plain)] {
        assert!(page.contains("reproduced"), "{page}");
    }
    let report = CorpusReport::new(AboutRun::default(), vec![SubjectResult::default()], Some(&[]));
    assert!(html(&report).contains("0 of 1 reproduced"));
}

#[test]
fn reports_read_well() {
    let report = samples::list();
    insta::assert_snapshot!("list.md", markdown(&report));
    insta::assert_snapshot!("list.txt", text(&report, Style::Plain));
}
