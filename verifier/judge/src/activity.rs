//! What the twins were seen to do, as a verdict records it.

use std::collections::BTreeSet;

use twinbuild_compare::{Finding, Severity};
use twinbuild_rebuild::{NAME_SERVER, Twin, limit_name};
use twinbuild_sandbox::{Evidence, Program};
use twinbuild_subject::MemberPath;
use twinbuild_verdict::{
    ActivityRecord, AddressRecord, AttemptRecord, CallRecord, EvidenceRecord, ExecutionRecord, RefusalRecord,
};

/// How many addresses, or calls, a finding names.
const NAMED: usize = 5;
/// The port of name servers.
const DOMAIN: u16 = 53;

/// What is the same whenever the same build runs.
pub(crate) fn record(evidence: &Evidence) -> EvidenceRecord {
    let outside = evidence.connections.iter().filter(|connection| !connection.address.is_loopback());
    let connections: BTreeSet<AddressRecord> = outside
        .map(|connection| AddressRecord {
            family: if connection.address.is_ipv4() { "ipv4" } else { "ipv6" }.into(),
            address: connection.address.to_string(),
            port: connection.port,
            program: fixed(&connection.program),
        })
        .collect();
    let refused_calls: BTreeSet<CallRecord> = evidence
        .refusals
        .iter()
        .map(|refusal| CallRecord { call: refusal.call.clone(), program: fixed(&refusal.program) })
        .collect();
    EvidenceRecord {
        connections: connections.into_iter().collect(),
        programs: evidence.programs.iter().map(|path| escaped(path)).collect(),
        refused_calls: refused_calls.into_iter().collect(),
        is_complete: !evidence.are_programs_cut && evidence.connections_dropped == 0 && evidence.refusals_dropped == 0,
    }
}

/// All of it.
pub(crate) fn activity(evidence: &Evidence) -> ActivityRecord {
    let executions = evidence.executions.iter().map(|execution| ExecutionRecord {
        program: escaped(&execution.program.path),
        arguments: execution.arguments.iter().map(|argument| escaped(argument)).collect(),
        are_arguments_cut: execution.are_arguments_cut,
        parent: execution.parent,
    });
    let connections = evidence.connections.iter().map(|connection| AttemptRecord {
        address: connection.address.to_string(),
        port: connection.port,
        program: escaped(&connection.program.path),
        count: connection.count,
    });
    let refused_calls = evidence.refusals.iter().map(|refusal| RefusalRecord {
        call: refusal.call.clone(),
        program: escaped(&refusal.program.path),
        count: refusal.count,
    });
    ActivityRecord {
        executions: executions.collect(),
        executions_dropped: evidence.executions_dropped,
        connections: connections.collect(),
        connections_dropped: evidence.connections_dropped,
        refused_calls: refused_calls.collect(),
        refused_calls_dropped: evidence.refusals_dropped,
    }
}

/// What a reader should hear of.
pub(crate) fn findings(twin: &Twin) -> Vec<Finding> {
    let seen = twin.evidence.as_ref().map(record).unwrap_or_default();
    let mut findings = Vec::new();
    if twin.network_attempts > 0 || !seen.connections.is_empty() {
        let mut detail = format!("the {} twin tried to reach the network, in vain", twin.name);
        if twin.network_attempts > 0 {
            detail.push_str(&format!(": {} packets found no route", twin.network_attempts));
        }
        detail.push_str(&named(seen.connections.iter().map(|connection| {
            let AddressRecord { address, port, program, .. } = connection;
            let program = program.as_deref().unwrap_or("a program of its own making");
            if (address.as_str(), *port) == (NAME_SERVER, DOMAIN) {
                format!("{program} looked up a name")
            } else {
                format!("{program} tried {address} port {port}")
            }
        })));
        findings.push(Finding::whole("network-attempted", Severity::Warning, detail));
    }
    if !seen.refused_calls.is_empty() {
        let mut detail = format!("the {} twin made privileged calls, and was refused", twin.name);
        detail.push_str(&named(seen.refused_calls.iter().map(|CallRecord { call, program }| {
            let program = program.as_deref().unwrap_or("a program of its own making");
            format!("{program} called {call}")
        })));
        findings.push(Finding::whole("privileged-call-refused", Severity::Warning, detail));
    }
    if !twin.limits_met.is_empty() {
        let limits: Vec<&str> = twin.limits_met.iter().map(|limit| limit_name(*limit)).collect();
        let detail = format!(
            "the {} twin was refused something at the limit of {}, and went on: what it built may come of that",
            twin.name,
            limits.join(" and of ")
        );
        findings.push(Finding::whole("limit-reached", Severity::Warning, detail));
    }
    if twin.limits_in_force.as_ref().is_some_and(|in_force| !in_force.has_evidence) {
        let detail = format!(
            "this host does not tell what the {} twin executed and tried to reach, see `twinbuild doctor`; packets without a route are \
             counted all the same",
            twin.name
        );
        findings.push(Finding::whole("evidence-not-taken", Severity::Note, detail));
    }
    if let Some(in_force) = twin.limits_in_force.as_ref().filter(|in_force| in_force.bubblewrap.is_some()) {
        let weaker: Vec<&str> = in_force.weaker.iter().map(|weaker| weaker.name()).collect();
        let detail = format!(
            "the {} twin ran in a sandbox that bubblewrap put up, see `twinbuild doctor`; weaker than in twinbuild's own: {}",
            twin.name,
            weaker.join(", ")
        );
        findings.push(Finding::whole("weaker-sandbox", Severity::Note, detail));
    }
    findings
}

/// The first of a list, and how many more there are.
fn named(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let mut text: String = all.iter().take(NAMED).map(|one| format!("; {one}")).collect();
    if all.len() > NAMED {
        text.push_str(&format!("; and {} more", all.len() - NAMED));
    }
    text
}

fn fixed(program: &Program) -> Option<String> {
    program.is_of_root.then(|| escaped(&program.path))
}

fn escaped(text: &str) -> String {
    MemberPath::from(text).to_string()
}
