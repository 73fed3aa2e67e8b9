//! Builds that depend on a condition: the verdict names which.

use serde_json::{Value, json};

use crate::fixtures::project;
use crate::support::{finding, folder, rebuild, run, text, twinbuild};

/// Each variation, and a Python expression whose worth depends on just that.
const DEPENDENT: [(&str, &str); 22] = [
    ("build-path", "os.getcwd()"),
    ("host-name", "__import__('socket').gethostname()"),
    ("domain-name", "open('/proc/sys/kernel/domainname').read()"),
    ("clock", "str(__import__('time').time() > os.stat('/proc/self').st_mtime + 86400)"),
    ("time-zone", "str(__import__('time').localtime(0).tm_hour)"),
    (
        "locale",
        "__import__('locale').setlocale(__import__('locale').LC_ALL, '') and __import__('time').strftime('%A', (2020, 2, 2, 0, 0, 0, 6, 33, 0))",
    ),
    ("umask", "str(os.umask(0))"),
    ("user-id", "str(os.getuid())"),
    ("group-id", "str(os.getgid())"),
    ("home", "os.path.expanduser('~')"),
    ("temporary-directory", "__import__('tempfile').gettempdir()"),
    ("processors", "str(len(os.sched_getaffinity(0)))"),
    ("hash-seed", "str(hash('x'))"),
    ("environment", "str(sorted(os.environ))"),
    ("path-order", "os.environ['PATH']"),
    ("shell", "__import__('subprocess').check_output(['/bin/sh', '-c', 'echo $BASH_VERSION'], text=True)"),
    ("terminal", "str(__import__('shutil').get_terminal_size())"),
    ("directory-order", "str(os.listdir('.'))"),
    ("address-space", "[line for line in open('/proc/self/maps') if '[stack]' in line][0]"),
    ("boot-time", "str(float(open('/proc/uptime').read().split()[0]) > 300 * 86400)"),
    ("kernel-name", "os.uname().release"),
    ("scratch-file-system", "__import__('subprocess').check_output(['stat', '-f', '-c', '%T', '.'], text=True)"),
];

/// Rebuilds the demo project whose code gets what the expression is worth.
fn judge(expression: &str, more: &[&str]) -> (i32, Value) {
    let folder = folder();
    let project = project(folder.path(), &format!("files['demo.py'] += ({expression}).encode()"));
    let arguments = [text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    rebuild(&[&arguments, more].concat())
}

#[test]
fn what_depends_on_one_condition_varies_with_just_that() {
    let processors = std::thread::available_parallelism().unwrap().get();
    for (name, expression) in DEPENDENT {
        // With one processor there is none to vary.
        if name == "processors" && processors == 1 {
            continue;
        }
        let (code, verdict) = judge(expression, &[]);
        assert_eq!((code, verdict["outcome"].as_str()), (1, Some("nondeterministic")), "{name}: {verdict:#}");
        assert_eq!(verdict["nondeterminism"]["cause"], "variations", "{name}: {}", verdict["nondeterminism"]);
        assert_eq!(verdict["nondeterminism"]["variesWith"], json!([[name]]), "{name}: {}", verdict["nondeterminism"]);
        let detail = &finding(&verdict, "varies-with")["detail"];
        assert_eq!(*detail, format!("varies with: {}", name.replace('-', " ")));
        assert_eq!(finding(&verdict, "twins-differ")["path"], "demo.py", "{name}");
        assert_eq!(verdict["matches"], "none");
    }
}

#[test]
fn two_conditions_are_both_named_and_those_that_work_together_as_one() {
    let (_, verdict) = judge("str(os.getuid()) + os.path.expanduser('~')", &[]);
    assert_eq!(verdict["nondeterminism"]["variesWith"], json!([["user-id"], ["home"]]), "{verdict:#}");
    let (_, verdict) = judge("str(os.getuid() == 4242 and 'CI' in os.environ)", &[]);
    assert_eq!(verdict["nondeterminism"]["variesWith"], json!([["user-id", "environment"]]), "{verdict:#}");
    assert_eq!(finding(&verdict, "varies-with")["detail"], "varies with: user id with environment");
}

#[test]
fn chance_is_no_conditions_fault() {
    let (code, verdict) = judge("os.urandom(4).hex()", &[]);
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("nondeterministic")), "{verdict:#}");
    assert_eq!(verdict["nondeterminism"], json!({ "cause": "every-run", "variesWith": [], "trials": 1 }));
}

#[test]
fn a_build_that_fails_under_a_condition_names_it() {
    let (code, verdict) = judge("'' if os.umask(0) == 0o022 else 1 / 0", &[]);
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("unbuildable")), "{verdict:#}");
    assert_eq!(verdict["nondeterminism"]["variesWith"], json!([["umask"]]), "{verdict:#}");
}

#[test]
fn what_is_not_varied_is_said_and_makes_no_difference() {
    let (code, verdict) = judge("'' if os.umask(0) == 0o022 else '# other'", &["--no-vary", "umask"]);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    let detail = finding(&verdict, "variation-not-effective")["detail"].as_str().unwrap();
    assert!(detail.contains("by request") && detail.contains("umask"), "{detail}");
    let (_, verdict) = judge("os.getcwd()", &["--vary", "umask,build-path"]);
    assert_eq!(verdict["nondeterminism"]["variesWith"], json!([["build-path"]]), "{verdict:#}");
    let effective = |rebuild: &Value| {
        let variations = rebuild["variations"].as_array().unwrap();
        variations.iter().filter(|variation| variation["effective"] == true).count()
    };
    assert_eq!(effective(&verdict["rebuilds"][1]), 2);
}

#[test]
fn twins_on_different_ground_agree_where_the_build_does_not_depend_on_it() {
    let (code, verdict) = judge("''", &["--diverse"]);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    let [first, second] = [0, 1].map(|at| &verdict["rebuilds"][at]);
    assert_ne!(first["environment"]["digest"], second["environment"]["digest"]);
    for rebuild in [first, second] {
        assert!(!rebuild["inputs"].as_array().unwrap().is_empty(), "what the other has not is named: {rebuild}");
    }
    let ground = second["variations"].as_array().unwrap().last().unwrap();
    assert_eq!((&ground["name"], &ground["effective"]), (&json!("ground"), &json!(true)), "{verdict:#}");
    let (_, verdict) = judge("__import__('sys').version", &["--diverse"]);
    assert_eq!(verdict["nondeterminism"]["variesWith"], json!([["ground"]]), "{verdict:#}");
}

#[test]
fn an_unknown_variation_is_a_usage_error_that_lists_the_known() {
    let said = run(twinbuild().args(["rebuild", "pypi:six@1.16.0", "--no-vary", "colour"]));
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("colour") && said.err.contains("time-zone"), "{said}");
}

#[test]
fn the_headline_names_the_condition() {
    let folder = folder();
    let project = project(folder.path(), "files['demo.py'] += str(os.listdir('.')).encode()");
    let arguments = [text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    let said = run(twinbuild().arg("rebuild").args(arguments));
    let headline = said.out.lines().next().unwrap_or_default();
    assert!(headline.contains("varies with: directory order"), "{said}");
}
