//! `twinbuild doctor`

use std::path::PathBuf;

use serde::Serialize;
use twinbuild_environment::{HostInterpreter, HostPrefix};
use twinbuild_registry::Platform;
use twinbuild_sandbox::{Choice, HostCheck, probe_bubblewrap, probe_host};

use super::print;
use crate::arguments::{Global, PlainFormat};
use crate::failure::{self, Failure};
use crate::settings::Settings;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnosis {
    checks: Vec<HostCheck>,
    host_interpreters: Vec<Found>,
}

/// An interpreter of this host, or a prefix without one. Builds can do without any, so it fails no check.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    prefix: PathBuf,
    origin: String,
    /// Such as `CPython 3.6.15`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether all that it needs is there. It is admitted when a build first asks for it.
    ok: bool,
    found: String,
}

pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let settings = Settings::load(global)?;
    let mut checks = vec![platform(), cache(&settings)];
    let is_usable = checks.iter().all(|check| check.ok);
    let (own, bubblewrap) = (probe_host(), probe_bubblewrap(&settings.sandbox));
    let can_own = own.iter().all(|check| check.ok);
    let can = match settings.sandbox.choice {
        Choice::Auto => can_own || bubblewrap.ok,
        Choice::Own => can_own,
        Choice::Bubblewrap => bubblewrap.ok,
    };
    let is_able = is_usable && can;
    checks.extend(own);
    checks.push(fallback(bubblewrap, settings.sandbox.choice, can_own));
    let host_interpreters: Vec<Found> = settings.hosts.find().iter().flat_map(interpreters).collect();
    let text = match format {
        PlainFormat::Json => {
            serde_json::to_string(&Diagnosis { checks, host_interpreters }).map_err(Failure::internal)? + "\n"
        }
        PlainFormat::Text => {
            let mut text = String::new();
            for HostCheck { name, ok, found, remedy } in &checks {
                let mark = if *ok { "ok  " } else { "FAIL" };
                let remedy = remedy.as_ref().map(|remedy| format!("; remedy: {remedy}")).unwrap_or_default();
                text.push_str(&twinbuild_report::escape(&format!("{mark}  {name}: {found}{remedy}")));
                text.push('\n');
            }
            for Found { prefix, origin, name, ok, found } in &host_interpreters {
                let mark = if *ok { "ok  " } else { "none" };
                let name = name.as_deref().unwrap_or("an interpreter");
                let line = format!("{mark}  {name}, {origin}, in {}: {found}", prefix.display());
                text.push_str(&twinbuild_report::escape(&line));
                text.push('\n');
            }
            if host_interpreters.is_empty() {
                text.push_str("      interpreters of this host: none were found, and builds run on those of Debian\n");
            }
            text.push_str(&format!("index: {} ({})\n", settings.index, settings.index.origin()));
            for origin in settings.index.not_asked() {
                text.push_str(&twinbuild_report::escape(&format!("       not asked: another one, of {origin}\n")));
            }
            text
        }
    };
    print(&text)?;
    Ok(if is_able { 0 } else { failure::HOST })
}

/// What there is to say of a prefix: of each interpreter in it, or of why there is none.
fn interpreters(found: &HostPrefix) -> Vec<Found> {
    let of = |name: Option<String>, ok: bool, text: String| Found {
        prefix: found.prefix.clone(),
        origin: found.origin.to_string(),
        name,
        ok,
        found: text,
    };
    let interpreters = match &found.interpreters {
        Ok(interpreters) => interpreters,
        Err(refusal) => return vec![of(None, false, refusal.to_string())],
    };
    let look = |interpreter: &HostInterpreter| {
        let name = Some(interpreter.to_string());
        match interpreter.missing_libraries() {
            Err(refusal) => of(name, false, refusal.to_string()),
            Ok(missing) if missing.is_empty() => of(name, true, "environments have all that it needs".to_owned()),
            Ok(missing) => {
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                of(name, false, format!("environments lack what it was built with: {}", missing.join("; ")))
            }
        }
    };
    interpreters.iter().map(look).collect()
}

fn platform() -> HostCheck {
    let (os, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    let ok = Platform::host().is_some();
    let remedy = (!ok).then(|| "run it on Linux on x86-64 or 64-bit ARM".to_owned());
    HostCheck { name: "platform".to_owned(), ok, found: format!("{os} on {processor}"), remedy }
}

/// The check of bubblewrap, which fails only where builds need it.
fn fallback(check: HostCheck, choice: Choice, can_own: bool) -> HostCheck {
    let use_of_it = match (choice, can_own) {
        (Choice::Bubblewrap, _) => "builds run in it, as was chosen",
        (Choice::Own, _) => "it is not used, as was chosen",
        (Choice::Auto, true) => "it is not needed",
        (Choice::Auto, false) if check.ok => {
            "builds run in it, and what it does not hold is in their verdicts; the remedies above do without it"
        }
        (Choice::Auto, false) => "it is no way out either",
    };
    let is_needed = choice == Choice::Bubblewrap || (choice == Choice::Auto && !can_own);
    let found = format!("{}; {use_of_it}", check.found);
    let remedy = check.remedy.filter(|_| is_needed);
    HostCheck { ok: check.ok || !is_needed, found, remedy, ..check }
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
