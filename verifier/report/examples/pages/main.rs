//! For maintainers: writes the pages of made-up verdicts, comparisons, lists and nights into a folder, to look at them.
//!
//! `cargo run -p twinbuild-report --example pages DIR`

mod lists;
mod nights;
mod samples;

use std::fs;
use std::path::Path;

use twinbuild_report::{NightReport, Report, Style, html, json, junit, mail, markdown, sarif, text, webhook};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "pages".into());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let write = |name: &str, report: Report<'_>| {
        fs::write(folder.join(format!("{name}.html")), html(report))?;
        fs::write(folder.join(format!("{name}.md")), markdown(report))?;
        fs::write(folder.join(format!("{name}.txt")), text(report, Style::Plain))
    };
    for (name, verdict) in samples::verdicts() {
        write(name, (&verdict).into())?;
    }
    write("list", (&lists::list()).into())?;
    write("hostile-list", (&lists::list_with_text(samples::HOSTILE)).into())?;
    write_night(folder, "night", &nights::night())?;
    write_night(folder, "hostile-night", &nights::night_with_text(samples::HOSTILE))?;
    write_night(folder, "quiet-night", &nights::quiet_night())?;
    write_night(folder, "large-night", &nights::large_night())?;
    write("history", (&nights::history()).into())?;
    write("comparison", (&samples::comparison()).into())?;
    write("unread", (&samples::unread()).into())
}

/// A night in all its forms.
fn write_night(folder: &Path, name: &str, report: &NightReport) -> std::io::Result<()> {
    // The sample's own stem may be hostile, and is for the links of its Markdown form alone.
    for picture in report.pictures() {
        fs::write(folder.join(format!("{name}-{}.svg", picture.name)), picture.svg())?;
    }
    let forms = [
        ("html", html(report)),
        ("md", markdown(report)),
        ("txt", text(report, Style::Plain)),
        ("json", json(report)?),
        ("mail", mail(report)),
        ("xml", junit(report)),
        ("sarif", serde_json::to_string_pretty(&sarif(report))?),
        ("webhook.json", serde_json::to_string_pretty(&webhook(report))?),
    ];
    forms.iter().try_for_each(|(ending, form)| fs::write(folder.join(format!("{name}.{ending}")), form))
}
