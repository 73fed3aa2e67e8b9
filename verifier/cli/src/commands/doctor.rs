//! `twinbuild doctor`

use serde::Serialize;
use twinbuild_registry::Platform;
use twinbuild_sandbox::{HostCheck, probe_host};

use super::print;
use crate::arguments::{Global, PlainFormat};
use crate::failure::{self, Failure};
use crate::settings::Settings;

#[derive(Serialize)]
struct Diagnosis {
    checks: Vec<HostCheck>,
}

pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let settings = Settings::load(global)?;
    let mut checks = vec![platform(), cache(&settings)];
    checks.extend(probe_host());
    let is_able = checks.iter().all(|check| check.ok);
    let text = match format {
        PlainFormat::Json => serde_json::to_string(&Diagnosis { checks }).map_err(Failure::internal)? + "\n",
        PlainFormat::Text => {
            let mut text = String::new();
            for HostCheck { name, ok, found, remedy } in &checks {
                let mark = if *ok { "ok  " } else { "FAIL" };
                let remedy = remedy.as_ref().map(|remedy| format!("; remedy: {remedy}")).unwrap_or_default();
                text.push_str(&twinbuild_report::escape(&format!("{mark}  {name}: {found}{remedy}")));
                text.push('\n');
            }
            text.push_str(&format!("index: {} ({})\n", settings.index, settings.index.origin()));
            text
        }
    };
    print(&text)?;
    Ok(if is_able { 0 } else { failure::HOST })
}

fn platform() -> HostCheck {
    let (os, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    let ok = Platform::host().is_some();
    let remedy = (!ok).then(|| "run it on Linux on x86-64 or 64-bit ARM".to_owned());
    HostCheck { name: "platform".to_owned(), ok, found: format!("{os} on {processor}"), remedy }
}

fn cache(settings: &Settings) -> HostCheck {
    let opened = settings.store();
    let place = settings.cache_dir.display();
    let (ok, found, remedy) = match &opened {
        Ok(_) => (true, format!("{place} can be written to"), None),
        Err(failure) => {
            let reason = failure.on_one_line();
            (false, format!("{place}: {reason}"), Some("name another folder with --cache-dir".to_owned()))
        }
    };
    HostCheck { name: "cache".to_owned(), ok, found, remedy }
}
