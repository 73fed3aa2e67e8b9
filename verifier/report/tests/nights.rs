//! What reports of nights say, and what hostile text cannot make them say.

#![allow(clippy::unwrap_used, reason = "tests")]

mod reading;
#[path = "../examples/pages/nights.rs"]
mod samples;

use reading::structure;
use twinbuild_report::{
    AboutNight, NewsKind, NightEnd, NightRecord, NightReport, Style, html, json, junit, mail, markdown, sarif,
    subject_line, text, webhook,
};
use twinbuild_subject::is_misleading;

const HOSTILE: &str = "</code></pre></details></svg></testcase>]]><script>alert(1)</script><image href=x onerror=alert(2)>\" onload='x' \
    &lt;b&gt; ```\n````` ` \n# reproduced\n- [x](javascript:alert(3)) ![y](//e.example/z) |x|\\|y| **bold** \u{202e}gpj.exe\u{1b}[2J\r\n---\t\
    <!channel> @everyone {0} %0A\nBcc: x@e.example\n\n\u{fffe}\u{ffff}\u{0}\u{85}\u{2028}";

/// As many lines, and nothing else in common with it.
fn harmless() -> String {
    vec!["harmless"; HOSTILE.lines().count()].join("\n")
}

fn both<T>(of: impl Fn(&NightReport) -> T) -> (T, T) {
    (of(&samples::night_with_text(HOSTILE)), of(&samples::night_with_text(&harmless())))
}

fn misleads(text: &str) -> bool {
    text.contains(|c| is_misleading(c) && !"\n\t".contains(c))
}

/// The tags of a page, as they stand there.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|piece| piece.split_once('>').unwrap().0).collect()
}

#[test]
fn hostile_text_leaves_the_tags_of_a_page_as_they_are() {
    let (hostile, plain) = both(|report| html(report).split_once("</style>").unwrap().1.to_owned());
    assert_eq!(tags(&hostile), tags(&plain));
    assert!(!misleads(&hostile));
}

#[test]
fn hostile_text_leaves_the_structure_of_markdown_as_it_is() {
    let (hostile, plain) = both(|report| markdown(report));
    assert_eq!(structure(&hostile), structure(&plain));
    assert!(!misleads(&hostile));
}

#[test]
fn hostile_text_leaves_pictures_as_they_are() {
    let (hostile, plain) =
        both(|report| report.pictures().iter().map(twinbuild_report::Picture::svg).collect::<String>());
    assert_eq!(hostile.matches('<').count(), plain.matches('<').count());
    assert!(!misleads(&hostile));
}

#[test]
fn hostile_text_stays_on_its_lines() {
    let lines = |report: &NightReport| report.subjects.iter().map(|one| subject_line(one, Style::Plain)).collect();
    let of = [both(|report| text(report, Style::Plain)), both(|report| webhook(report).text), both(lines)];
    for (hostile, plain) in of {
        assert_eq!(hostile.lines().count(), plain.lines().count(), "{hostile}");
        assert!(!misleads(&hostile));
    }
}

#[test]
fn hostile_text_adds_no_header_to_a_mail() {
    let (hostile, plain) = both(mail);
    let head = |mail: &str| -> Vec<String> {
        let (head, _) = mail.split_once("\n\n").unwrap();
        head.lines().map(|line| line.split_once(": ").unwrap().0.to_owned()).collect()
    };
    assert_eq!(head(&hostile), head(&plain));
    assert!(hostile.split_once("\n\n").unwrap().0.is_ascii());
    assert!(hostile.lines().all(|line| line.len() < 998) && !misleads(&hostile));
}

#[test]
fn hostile_text_leaves_the_elements_of_junit_as_they_are() {
    let (hostile, plain) = both(junit);
    let elements = |xml: &str| -> Vec<String> {
        tags(xml).iter().map(|tag| tag.split('"').step_by(2).collect::<String>()).collect()
    };
    assert_eq!(elements(&hostile), elements(&plain));
    // XML 1.0, section 2.2.
    let is_of_xml = |c: char| matches!(c, '\n' | '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(hostile.chars().all(is_of_xml) && !misleads(&hostile));
}

#[test]
fn hostile_text_is_neither_link_nor_placeholder_of_sarif() {
    let report = samples::night_with_text(HOSTILE);
    let log = sarif(&report);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(
        results.len(),
        sarif(&samples::night_with_text(&harmless()))["runs"][0]["results"].as_array().unwrap().len()
    );
    for result in results {
        let message = result["message"]["text"].as_str().unwrap();
        assert!(!message.contains("](") && !message.replace("{{", "").contains('{') && !misleads(message), "{message}");
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b)), "{uri}");
        assert!(!misleads(result["partialFingerprints"]["subject/v1"].as_str().unwrap()));
    }
}

#[test]
fn hostile_text_mentions_nobody_in_a_chat() {
    let text = webhook(&samples::night_with_text(HOSTILE)).text;
    assert!(!text.contains(['<', '>', '&']));
    for line in text.lines() {
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        let own: String = line.split('`').step_by(2).collect();
        assert!(!own.contains(['@', '*', '[', '#']), "{own}");
    }
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let page = html(&samples::night());
    for loading in ["<script", "<link", "<img", "<image", "<iframe", "<a ", "src=", "href", "url(", "style=\"", "://"] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_first_news_is_the_first_line_of_every_form() {
    let report = samples::night();
    assert_eq!(report.news[0].kind, NewsKind::Regression);
    let line = "evil-5-py3-none-any.whl: the last 4 versions reproduced, this one does not: not-reproduced (unsourced): \
        unsourced-member evil/backdoor.py";
    assert_eq!(report.news[0].line, line);
    let first = |text: &str| text.lines().next().unwrap().to_owned();
    assert_eq!(first(&text(&report, Style::Plain)), format!("alert: {line}"));
    assert_eq!(first(&mail(&report)), format!("Subject: twinbuild: alert: {line}"));
    assert!(junit(&report).lines().nth(1).unwrap().starts_with(&format!("<testsuites name=\"alert: {line}\"")));
    assert_eq!(sarif(&report)["runs"][0]["results"][0]["message"]["text"], line);
    let sent = serde_json::to_string(&webhook(&report)).unwrap();
    assert!(
        sent.starts_with("{\"text\":\"alert: `evil-5-py3-none-any.whl`: the last 4 versions reproduced, this one"),
        "{sent}"
    );
    assert!(
        json(&report)
            .unwrap()
            .starts_with("{\"schemaVersion\":1,\"news\":[{\"kind\":\"regression\",\"severity\":\"alert\"")
    );
    let page = html(&report);
    let heading = page.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0;
    assert!(heading.starts_with("the last 4 versions reproduced, this one does not"), "{heading}");
    assert!(
        heading.ends_with("<code>evil-5-py3-none-any.whl</code> <code>unsourced-member evil/backdoor.py</code>"),
        "{heading}"
    );
    assert!(first(&markdown(&report)).starts_with("# the last 4 versions reproduced, this one does not"));
}

#[test]
fn no_news_is_said_and_is_not_said_to_be_more() {
    let quiet = samples::quiet_night();
    assert!(quiet.news.is_empty());
    assert_eq!(text(&quiet, Style::Plain).lines().next(), Some("no news: 1 of 2 files reproduced"));
    // What was known not to be well is not well for that it is no news.
    assert!(html(&quiet).contains("<header class=\"open\">"));
    let good = quiet.subjects.iter().filter(|subject| subject.is_good()).cloned().collect();
    let record = NightRecord { subjects: good, ..NightRecord::default() };
    assert!(html(&NightReport::new(quiet.about.clone(), record.clone())).contains("<header class=\"good\">"));
    let left = NightReport::new(AboutNight { left: 2, end: NightEnd::TimeIsUp, ..quiet.about }, record);
    assert!(html(&left).contains("<header class=\"open\">"));
    let line = "no news: 1 of 1 file reproduced; 2 files that are due were not judged";
    assert_eq!(text(&left, Style::Plain).lines().next(), Some(line));
}

#[test]
fn a_report_grows_with_the_news_and_not_with_what_was_known() {
    let report = samples::large_night();
    let small = samples::night();
    assert_eq!((report.subjects.len(), report.nights.len(), report.news.len()), (509, 365, small.news.len()));
    assert!(html(&report).len() < 60_000, "{}", html(&report).len());
    assert!(markdown(&report).len() < 20_000, "{}", markdown(&report).len());
    assert!(text(&report, Style::Plain).lines().count() <= text(&small, Style::Plain).lines().count() + 5);
    assert!(serde_json::to_string(&webhook(&report)).unwrap().len() < 8_000);
    assert!(report.pictures().iter().all(|picture| picture.svg().len() < 8_000));
}

#[test]
fn what_was_not_judged_in_the_night_neither_fails_nor_is_hidden() {
    let xml = junit(&samples::night());
    let case = |file: &str| xml.lines().find(|line| line.contains(&format!("name=\"{file}"))).unwrap().to_owned();
    assert!(case("alpha").ends_with("/>") && !case("alpha").contains("skipped"));
    assert!(case("eta").contains("<skipped message=\"not judged in this night; unbuildable"));
    assert!(
        case("gamma").contains("<failure ") && case("delta").contains("<error ") && case("zeta").contains("<error ")
    );
    // A subject of two lists is a case of each, and what is about no subject is an error of its list.
    assert_eq!(xml.matches("name=\"alpha-1.0-py3-none-any.whl\"").count(), 2);
    assert!(case("list-unreadable: tools").contains("<error ") && case("results-refused: ben").contains("<error "));
}

#[test]
fn what_is_in_no_list_is_in_the_forms_all_the_same() {
    let mut subjects = samples::night().subjects;
    subjects.iter_mut().for_each(|subject| subject.lists.clear());
    let about = AboutNight { lists: Vec::new(), ..samples::night().about };
    let report = NightReport::new(about, NightRecord { subjects, ..NightRecord::default() });
    assert!(junit(&report).contains("<testsuite name=\"the night\" tests=\"9\" failures=\"3\" errors=\"2\""));
    assert_eq!(report.results.total, 9);
}

#[test]
fn a_night_of_nothing_is_reported_on() {
    let report = NightReport::new(samples::night().about, NightRecord::default());
    for page in [markdown(&report), html(&report), text(&report, Style::Plain), junit(&report), mail(&report)] {
        assert!(page.contains("0 of 0 files reproduced"), "{page}");
    }
    assert!(html(&report).contains("<header class=\"open\">"));
}

#[test]
fn a_report_is_read_back_from_its_json() {
    let report = samples::night();
    let read: NightReport = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let about = AboutNight { file_stem: "report".to_owned(), ..read.about };
    assert_eq!(NightReport { about, ..read }, report);
}

#[test]
fn reports_read_well() {
    let report = samples::night();
    insta::assert_snapshot!("night.txt", text(&report, Style::Plain));
    insta::assert_snapshot!("night.md", markdown(&report));
    insta::assert_snapshot!("night.xml", junit(&report));
    insta::assert_snapshot!(
        "night.sarif",
        serde_json::to_string_pretty(&sarif(&report)["runs"][0]["results"][0]).unwrap()
    );
    insta::assert_snapshot!("night.webhook", webhook(&report).text);
    let lines: String = report.subjects.iter().map(|subject| subject_line(subject, Style::Plain)).collect();
    insta::assert_snapshot!("night.lines", lines);
    insta::assert_snapshot!("history.txt", text(&samples::history(), Style::Plain));
}

#[test]
fn a_history_shows_its_alerts_first() {
    let history = samples::history();
    let page = markdown(&history);
    assert!(page.starts_with("# 2 of 3 files reproduced; 3 verdicts: `evil`"), "{page}");
    assert!(page.find("## Alerts").unwrap() < page.find("## Verdicts").unwrap());
    assert!(html(&history).contains("<header class=\"open\">"));
    let mut hostile = history;
    hostile.project = HOSTILE.to_owned();
    for row in &mut hostile.rows {
        (row.file_name, row.version) = (HOSTILE.to_owned(), HOSTILE.to_owned());
        row.alerts.iter_mut().chain(&mut row.workers).for_each(|text| *text = HOSTILE.to_owned());
    }
    assert!(![text(&hostile, Style::Plain), markdown(&hostile), html(&hostile)].iter().any(|page| misleads(page)));
    assert_eq!(text(&hostile, Style::Plain).lines().count(), 5);
    assert!(!html(&hostile).contains("<script"));
}
