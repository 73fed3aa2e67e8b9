//! What a build was seen to do.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a build was seen to do, as far as that is the same whenever the same build runs: without counts, order and what lies in its
/// scratch. All lists are sorted and have 256 entries at most. Text is escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRecord {
    /// Addresses outside of the sandbox that were tried.
    pub connections: Vec<AddressRecord>,
    /// Programs of the environment that were executed.
    pub programs: Vec<String>,
    /// Privileged calls, all of which were refused.
    pub refused_calls: Vec<CallRecord>,
    /// Whether nothing is missing in these lists.
    pub is_complete: bool,
}

/// An address that was tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressRecord {
    /// `ipv4` or `ipv6`.
    pub family: Cow<'static, str>,
    /// The address.
    pub address: String,
    /// The port. Whoever asks for 53 of the sandbox's name server looks up a name.
    pub port: u16,
    /// The program of the environment that tried; absent for one of the build's own making.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// The call's name, such as `mount`.
    pub call: String,
    /// The program of the environment that tried; absent for one of the build's own making.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// All that a build was seen to do, in order and counted, which may differ from run to run. All lists have 256 entries at most.
/// Text is escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityRecord {
    /// Programs as they were executed; `parent` makes it a tree.
    pub executions: Vec<ExecutionRecord>,
    /// How many executions are not listed.
    pub executions_dropped: u64,
    /// Attempts to reach an address, the sandbox's own included.
    pub connections: Vec<AttemptRecord>,
    /// How many attempts are not listed.
    pub connections_dropped: u64,
    /// Privileged calls, all of which were refused.
    pub refused_calls: Vec<RefusalRecord>,
    /// How many refused calls are not listed.
    pub refused_calls_dropped: u64,
}

/// A program that was executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRecord {
    /// Its path.
    pub program: String,
    /// Its arguments; 32 and 1 KiB together at most.
    pub arguments: Vec<String>,
    /// Whether arguments are missing or not whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub are_arguments_cut: bool,
    /// Which execution of the list its process came from, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
}

/// Attempts to reach one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The program that tried.
    pub program: String,
    /// How often.
    pub count: u64,
}

/// Attempts at one privileged call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusalRecord {
    /// The call's name.
    pub call: String,
    /// The program that tried.
    pub program: String,
    /// How often.
    pub count: u64,
}
