//! What holds of all rules, on arbitrary bytes and on broken examples of each format.

use proptest::prelude::*;
use twinbuild_rules::{Equality, RULES, applicable, equal_after_rules, normalize};
use twinbuild_subject::MemberPath;

/// A path and a content on which its rules have something to rewrite.
fn examples() -> Vec<(MemberPath, Vec<u8>)> {
    let metadata = "Metadata-Version: 2.1\r\nName: demo\r\nSummary: x\r\nAuthor: y\r\nRequires-Dist: z\r\n\r\nText\r\n";
    let wheel =
        "Wheel-Version: 1.0\r\nGenerator: bdist_wheel (0.37.1)\r\nRoot-Is-Purelib: true\r\nTag: py3-none-any\r\n";
    let mut pyc = vec![0xa7, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0];
    pyc.extend_from_slice(b"\xe3\0\0\0code");
    let header = "PO-Revision-Date: 2024-02-29 12:30+0100\nPlural-Forms: nplurals=1; plural=0;\n\0";
    let mut mo: Vec<u8> = [0x9504_12de_u32, 0, 1, 28, 36, 0, 28, 0, 44, 76, 45].map(u32::to_le_bytes).concat();
    mo.push(0);
    mo.extend_from_slice(header.as_bytes());
    let gz = [b"\x1f\x8b\x08\x08\x01\x02\x03\x04\x02\xffname\0".as_slice(), b"\x03\x00", &[0; 8]].concat();
    let ar = format!("!<arch>\n{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\nx\n", "a.o/", 1_700_000_000, 1000, 100, 100_664, 1);
    let json =
        "{\"name\": \"d\\u00e9mo\", \"run_requires\": [{\"requires\": [\"b\", \"a\"], \"extra\": \"x\"}], \"a\":\t-7}";
    let png = [
        b"\x89PNG\r\n\x1a\n".as_slice(),
        b"\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55",
        b"\0\0\0\x07tIME\x07\xe8\x02\x1d\x0c\x1e\x01",
        &crc32(b"tIME\x07\xe8\x02\x1d\x0c\x1e\x01").to_be_bytes(),
        b"\0\0\0\0IEND\xae\x42\x60\x82",
    ]
    .concat();
    [
        ("demo-1.0.dist-info/METADATA", metadata.as_bytes().to_vec()),
        ("demo-1.0.dist-info/WHEEL", wheel.as_bytes().to_vec()),
        ("demo/__pycache__/demo.cpython-311.pyc", pyc),
        ("demo/demo.mo", mo),
        ("demo/demo.csv.gz", gz),
        ("demo/libdemo.a", ar.into_bytes()),
        ("demo/demo.png", png),
        ("demo-1.0.dist-info/metadata.json", json.as_bytes().to_vec()),
    ]
    .map(|(path, content)| (MemberPath::from(path), content))
    .to_vec()
}

/// The CRC-32 of PNG and gzip, bit by bit: another implementation than the one under test.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn every_rule_has_an_example_that_it_rewrites() {
    let mut fired: Vec<&str> = Vec::new();
    for (path, content) in examples() {
        let normalized = normalize(&path, &content).unwrap();
        assert!(!normalized.applied.is_empty(), "{path}");
        assert!(normalized.applied.iter().all(|applied| applied.bytes > 0));
        fired.extend(normalized.applied.iter().map(|applied| applied.name));
    }
    assert!(RULES.iter().all(|rule| fired.contains(&rule.name)), "{fired:?}");
}

fn check(path: &MemberPath, content: &[u8]) -> Result<(), TestCaseError> {
    match normalize(path, content) {
        Ok(normalized) => {
            let again = normalize(path, &normalized.content).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&again.content, &normalized.content);
            prop_assert_eq!(again.applied, vec![]);
            prop_assert_eq!(normalized.applied.is_empty(), normalized.content == content);
            let hidden: u64 = normalized.applied.iter().map(|applied| applied.bytes).sum();
            // Three rules at most concern a member, and none hides a byte twice.
            prop_assert!(usize::try_from(hidden).is_ok_and(|hidden| hidden <= 3 * content.len()));
            if normalized.content != content && applicable(path).all(|rule| rule.name != "pyc-source-time") {
                prop_assert!(equal_after_rules(path, content, &normalized.content).is_equal());
            }
        }
        Err(error) => {
            prop_assert!(error.to_string().contains(error.rule));
            let mut other = content.to_vec();
            other.push(b'\n');
            prop_assert!(!equal_after_rules(path, content, &other).is_equal());
        }
    }
    prop_assert_eq!(equal_after_rules(path, content, content), Equality::Identical);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_example_never_panics_and_rules_are_idempotent(
        which in 0_usize..8,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 0..6),
    ) {
        let (path, mut content) = examples().swap_remove(which);
        for (at, byte, how) in edits {
            if content.is_empty() {
                break;
            }
            let at = at.index(content.len());
            match how {
                0 => content[at] = byte,
                1 => content.insert(at, byte),
                2 => drop(content.remove(at)),
                _ => content.truncate(at),
            }
        }
        check(&path, &content)?;
    }

    #[test]
    fn arbitrary_bytes_after_any_beginning_never_panic(
        which in 0_usize..8,
        kept in any::<prop::sample::Index>(),
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (path, mut content) = examples().swap_remove(which);
        content.truncate(kept.index(content.len() + 1));
        content.extend(tail);
        check(&path, &content)?;
    }

    #[test]
    fn arbitrary_fields_never_panic_and_keep_their_dependencies(
        text in "((Name|Summary|Author|Requires-Dist|requires-dist|X): [ab]{0,2}\n( [ab ]\n)?){0,8}(\n[ab\n]{0,4})?",
    ) {
        let path = MemberPath::from("demo-1.0.dist-info/METADATA");
        check(&path, text.as_bytes())?;
        let normalized = normalize(&path, text.as_bytes()).unwrap();
        let normalized = std::str::from_utf8(&normalized.content).unwrap();
        let dependencies = |text: &str| -> Vec<String> {
            let is_dependency = |line: &&str| line.to_ascii_lowercase().starts_with("requires-dist:");
            text.lines().take_while(|line| !line.is_empty()).filter(is_dependency).map(str::to_owned).collect()
        };
        prop_assert_eq!(dependencies(&text), dependencies(normalized));
        let mut sorted: [Vec<char>; 2] = [text.chars().collect(), normalized.chars().collect()];
        sorted.iter_mut().for_each(|chars| chars.sort_unstable());
        prop_assert_eq!(&sorted[0], &sorted[1]);
    }

    #[test]
    fn objects_are_equal_in_any_order_and_only_where_their_values_are(
        (members, shuffled) in prop::collection::btree_map(".{0,3}", json_value(), 0..6).prop_flat_map(|members| {
            let members: Vec<(String, String)> = members.into_iter().collect();
            (Just(members.clone()), Just(members).prop_shuffle())
        }),
        blank in "[ \t\r\n]{0,2}",
    ) {
        let path = MemberPath::from("demo-1.0.dist-info/pydist.json");
        let text = |members: &[(String, String)], separator: &str| {
            let member = |(name, value): &(String, String)| format!("{}:{value}", serde_json::Value::from(name.as_str()));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(separator))
        };
        let (plain, other) = (text(&members, ","), text(&shuffled, &format!(",{blank}")));
        check(&path, plain.as_bytes())?;
        prop_assert!(equal_after_rules(&path, plain.as_bytes(), other.as_bytes()).is_equal(), "{plain} {other}");
        let sorted = normalize(&path, other.as_bytes()).unwrap().content;
        let read = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        prop_assert_eq!(read(&sorted), read(plain.as_bytes()));
        if let Some((_, value)) = shuffled.first() {
            let mut changed = shuffled.clone();
            changed[0].1 = format!("[{value}]");
            let compare = |other: String| equal_after_rules(&path, plain.as_bytes(), other.as_bytes());
            prop_assert_eq!(compare(text(&changed, ",")), Equality::Different);
            changed.push(changed[0].clone());
            prop_assert!(matches!(compare(text(&changed, ",")), Equality::RuleFailed(_)));
        }
    }
}

/// A value of JSON as text, its objects in any order.
fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<u64>().prop_map(|value| value.to_string()),
        ".{0,4}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,")));
        let object = prop::collection::hash_map("[a-z\u{e9}]{1,3}", inner, 0..4).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
            format!("{{{}}}", members.join(", "))
        });
        prop_oneof![list, object]
    })
}
