//! Whose a member of a tar is, where that decides what it may do.

use twinbuild_archive::{Fields, Member, TarExtensionBody, TarFields};

use crate::tar::form::PaxField;
use crate::tar::header::pax_fields;
use crate::tar::values::TarValues;

/// The bits with which something runs as its owner or group.
pub(crate) const SET_ID: u32 = 0o6000;

/// All that readers take an owner from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    uid: Option<i64>,
    gid: Option<i64>,
    user: Vec<u8>,
    group: Vec<u8>,
    /// Keys and values of PAX records, sorted.
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Owner {
    /// As the headers say.
    pub(crate) fn of(fields: &TarFields) -> Self {
        let mut records: Vec<_> = fields
            .extensions
            .iter()
            .flat_map(|extension| match &extension.body {
                TarExtensionBody::Pax(records) => records.as_slice(),
                TarExtensionBody::GnuName(_) | TarExtensionBody::GnuLink(_) => &[],
            })
            .filter(|record| matches!(&*record.key, b"uid" | b"gid" | b"uname" | b"gname"))
            .map(|record| (record.key.clone(), record.value.clone()))
            .collect();
        records.sort_unstable();
        let header = &fields.header;
        Self {
            uid: header.uid,
            gid: header.gid,
            user: header.user_name.clone(),
            group: header.group_name.clone(),
            records,
        }
    }

    /// As these parameters write it.
    pub(crate) fn written(values: &TarValues) -> Self {
        let record = |key: &[u8], number: &u32| Some((key.to_vec(), number.to_string().into_bytes()));
        let mut records: Vec<_> = pax_fields(&values.extensions)
            .filter_map(|field| match field {
                PaxField::Uid(number) => record(b"uid", number),
                PaxField::Gid(number) => record(b"gid", number),
                _ => None,
            })
            .collect();
        records.sort_unstable();
        let owner = &values.owner;
        Self {
            uid: owner.uid.map(i64::from),
            gid: owner.gid.map(i64::from),
            user: owner.user.as_str().as_bytes().to_vec(),
            group: owner.group.as_str().as_bytes().to_vec(),
            records,
        }
    }
}

/// Whether two members may have the owners that they have. They are free, but where either runs as its owner or group:
/// there they have to be the same. True where one of them is of no tar.
#[must_use]
pub fn owners_read_alike(a: &Member, b: &Member) -> bool {
    let (Fields::Tar(left), Fields::Tar(right)) = (&a.fields, &b.fields) else { return true };
    let is_set_id = (a.mode.unwrap_or(0) | b.mode.unwrap_or(0)) & SET_ID != 0;
    !is_set_id || Owner::of(left) == Owner::of(right)
}
