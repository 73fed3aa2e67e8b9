//! For maintainers: writes the pages of made-up verdicts, comparisons and lists into a folder, to look at them.
//!
//! `cargo run -p twinbuild-report --example pages DIR`

mod lists;
mod samples;

use std::fs;
use std::path::Path;

use twinbuild_report::{Report, Style, html, markdown, text};

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
    write("comparison", (&samples::comparison()).into())?;
    write("unread", (&samples::unread()).into())
}
