//! How much a publisher could say in the parameters of a member of a tar.

use crate::tar::form::{
    Dialect, NameForm, NumberEnd, NumberForm, NumberForms, OwnerName, PaxField, PaxTime, TarExtensionForm,
    TarHeaderForm, TarOwner,
};
use crate::tar::header::pax_fields;
use crate::tar::parameters::TarParameters;
use crate::tar::values::TarValues;

/// Names of owners that everybody's machines have: which of them it is has less than one byte.
const WELL_KNOWN: [&str; 14] = [
    "", "root", "wheel", "staff", "users", "runner", "docker", "build", "builder", "user", "nobody", "nogroup",
    "daemon", "ubuntu",
];
/// What tools write unless they are told otherwise, to which the first member is compared.
const USUAL: NumberForms = NumberForms {
    mode: NumberForm::Zeros(NumberEnd::Nul),
    uid: NumberForm::Zeros(NumberEnd::Nul),
    gid: NumberForm::Zeros(NumberEnd::Nul),
    size: NumberForm::Zeros(NumberEnd::Nul),
    modified: NumberForm::Zeros(NumberEnd::Nul),
    checksum: NumberForm::Zeros(NumberEnd::NulSpace),
    device_major: NumberForm::Blank,
    device_minor: NumberForm::Blank,
};
const USUAL_FORM: TarHeaderForm = TarHeaderForm {
    dialect: Dialect::Ustar,
    has_old_type: false,
    name: NameForm::Whole,
    link: NameForm::Whole,
    numbers: USUAL,
};

impl TarParameters {
    /// How many bytes each member, in the order of the file, could carry beyond what follows from its other values or from
    /// the member before it: each enumerated value that differs 1, a time 4 (8 before 1970 or after 2106) and as many as
    /// its digits after the point need, ids and names of owners their own length (1 for well-known names), its place in the
    /// order as many as count the members.
    #[must_use]
    pub fn free_bytes_of_all(&self) -> Vec<u64> {
        let mut before: Option<TarValues> = None;
        let members = self.values().enumerate().map(|(index, member)| {
            let place = if self.order.continues_at(index) || index == 0 {
                0
            } else {
                u64::from(32 - self.members.leading_zeros()).div_ceil(8)
            };
            let cost = place + cost(before.as_ref(), &member);
            before = Some(member);
            cost
        });
        members.collect()
    }
}

fn cost(before: Option<&TarValues>, member: &TarValues) -> u64 {
    let mut bytes = forms(before.map_or(&USUAL_FORM, |before| &before.form), &member.form);
    bytes += u64::from(before.is_some_and(|before| before.mode != member.mode));
    let mut known = Known { times: vec![0], fractions: Vec::new() };
    if let Some(before) = before {
        known.take(before);
    }
    let nobody = TarOwner::default();
    bytes += owner(before.map_or(&nobody, |before| &before.owner), &member.owner);
    bytes += member.modified.map_or(0, |time| known.seconds(time));
    for field in pax_fields(&member.extensions) {
        bytes += match field {
            PaxField::Modified(time) | PaxField::Accessed(time) | PaxField::Changed(time) => known.time(time),
            PaxField::Uid(_) | PaxField::Gid(_) => 4,
            PaxField::Path | PaxField::LinkPath | PaxField::Size => 0,
        };
    }
    let shape = |values: &TarValues| -> Vec<_> {
        values.extensions.iter().map(|extension| (std::mem::discriminant(&extension.kind), keys(extension))).collect()
    };
    bytes += u64::from(before.map_or(!member.extensions.is_empty(), |before| shape(before) != shape(member)));
    for (at, extension) in member.extensions.iter().enumerate() {
        let other = before.and_then(|before| before.extensions.get(at));
        let numbers = other.map_or(&USUAL, |other| &other.numbers);
        bytes += number_forms(numbers, &extension.numbers);
        let is_usual = |mode: Option<u16>| matches!(mode, None | Some(0 | 0o644));
        let same_mode = other.is_some_and(|other| other.mode == extension.mode) || is_usual(extension.mode);
        bytes += if same_mode { 0 } else { 2 };
        bytes +=
            u64::from(other.is_some_and(|other| (other.dialect, other.name) != (extension.dialect, extension.name)));
        bytes += extension.modified.map_or(0, |time| known.seconds(time));
        let like_other = other.is_some_and(|other| other.owner == extension.owner) || extension.owner == member.owner;
        bytes += if like_other { 0 } else { owner(&nobody, &extension.owner) };
    }
    bytes
}

/// Which records an extension has.
fn keys(extension: &TarExtensionForm) -> Vec<std::mem::Discriminant<PaxField>> {
    pax_fields(std::slice::from_ref(extension)).map(std::mem::discriminant).collect()
}

fn forms(before: &TarHeaderForm, form: &TarHeaderForm) -> u64 {
    let differs = [
        before.dialect != form.dialect,
        before.has_old_type != form.has_old_type,
        before.name != form.name,
        before.link != form.link,
    ];
    count(&differs) + number_forms(&before.numbers, &form.numbers)
}

fn number_forms(before: &NumberForms, forms: &NumberForms) -> u64 {
    count(&[
        before.mode != forms.mode,
        before.uid != forms.uid,
        before.gid != forms.gid,
        before.size != forms.size,
        before.modified != forms.modified,
        before.checksum != forms.checksum,
        before.device_major != forms.device_major,
        before.device_minor != forms.device_minor,
    ])
}

fn count(differs: &[bool]) -> u64 {
    differs.iter().map(|differs| u64::from(*differs)).sum()
}

fn owner(before: &TarOwner, owner: &TarOwner) -> u64 {
    let id = |before: Option<u32>, id: Option<u32>| match id {
        Some(number) if before != id && number != 0 => u64::from(32 - number.leading_zeros()).div_ceil(8),
        _ => 0,
    };
    let name = |before: &OwnerName, name: &OwnerName| match name.as_str() {
        same if same == before.as_str() => 0,
        known if WELL_KNOWN.contains(&known) => 1,
        other => other.len() as u64,
    };
    // A group that is called like its user says nothing more.
    let gid = if owner.gid == owner.uid { 0 } else { id(before.gid, owner.gid) };
    let group = if owner.group == owner.user { 0 } else { name(&before.group, &owner.group) };
    id(before.uid, owner.uid) + gid + name(&before.user, &owner.user) + group
}

/// The times that were counted already.
struct Known {
    times: Vec<i64>,
    fractions: Vec<PaxTime>,
}

impl Known {
    /// Those of the member before.
    fn take(&mut self, before: &TarValues) {
        self.times.extend(before.modified);
        self.times.extend(before.extensions.iter().filter_map(|extension| extension.modified));
        for field in pax_fields(&before.extensions) {
            if let PaxField::Modified(time) | PaxField::Accessed(time) | PaxField::Changed(time) = field {
                self.times.push(time.seconds);
                self.fractions.push(*time);
            }
        }
    }

    fn seconds(&mut self, seconds: i64) -> u64 {
        // A header's time may be rounded up.
        if self.times.iter().any(|known| *known == seconds || known.checked_sub(1) == Some(seconds)) {
            return 0;
        }
        self.times.push(seconds);
        if u32::try_from(seconds).is_ok() { 4 } else { 8 }
    }

    fn time(&mut self, time: &PaxTime) -> u64 {
        if self.fractions.contains(time) {
            return 0;
        }
        self.fractions.push(*time);
        // Each digit has less than 3.33 bits.
        let digits = time.fraction.map_or(0, |fraction| u64::from(fraction.digits));
        self.seconds(time.seconds) + (digits * 333).div_ceil(800)
    }
}
