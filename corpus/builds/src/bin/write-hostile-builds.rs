//! Writes the hostile builds below a folder: `write-hostile-builds DIR`.
//!
//! DIR gets the wheel as it was published, the recipe, a folder with the sdist for every case, and `expected.jsonl` with one
//! object a case: `name`, `does`, `outcome`, `class` or `mismatch` where there is one, `limits` and `timeoutSecs`. Each is
//! judged by `twinbuild rebuild DIR/WHEEL --source DIR/NAME/SDIST --recipe DIR/recipe.toml --timeout SECONDS --limit ...`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use serde_json::json;
use twinbuild_hostile_builds::{Host, RECIPE, SDIST, WHEEL, cases, published_wheel};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: write-hostile-builds DIR");
        return ExitCode::from(64);
    };
    match write(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("writing the builds below {} failed: {error}", Path::new(folder).display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(WHEEL), published_wheel())?;
    fs::write(folder.join("recipe.toml"), RECIPE)?;
    let mut lines = String::new();
    for case in cases() {
        fs::create_dir_all(folder.join(case.name))?;
        fs::write(folder.join(case.name).join(SDIST), case.sdist(&Host::unknown()))?;
        let limits: BTreeMap<_, _> = case.limits.iter().copied().collect();
        let mut line =
            json!({"name": case.name, "does": case.does(), "limits": limits, "timeoutSecs": case.timeout_secs});
        if let (Some(line), Some(expected)) = (line.as_object_mut(), case.expected.to_json().as_object()) {
            line.extend(expected.clone());
        }
        lines.push_str(&format!("{line}\n"));
    }
    fs::write(folder.join("expected.jsonl"), lines)
}
