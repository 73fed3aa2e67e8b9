//! Why a host forbids namespaces, and what its administrator can do.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// What is known of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    /// Settings below `/proc/sys` that matter and are there, by their names for sysctl(8).
    settings: Vec<(&'static str, String)>,
    is_root: bool,
    /// Whether this process has a seccomp filter, which a container gives to all of its processes.
    is_filtered: bool,
    /// This program, to which an AppArmor profile attaches.
    program: PathBuf,
}

const MAX_NAMESPACES: &str = "user.max_user_namespaces";
const UNPRIVILEGED_CLONE: &str = "kernel.unprivileged_userns_clone";
const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";

impl Host {
    pub(crate) fn read() -> Self {
        let setting = |name: &'static str| {
            let path = Path::new("/proc/sys").join(name.replace('.', "/"));
            std::fs::read_to_string(path).ok().map(|value| (name, value.trim().to_owned()))
        };
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            settings: [MAX_NAMESPACES, UNPRIVILEGED_CLONE, APPARMOR].into_iter().filter_map(setting).collect(),
            is_root: rustix::process::geteuid().is_root(),
            is_filtered: status.lines().any(|line| line.starts_with("Seccomp:") && line.trim_end().ends_with('2')),
            program: std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/twinbuild".into()),
        }
    }

    /// The settings, as sysctl(8) prints them.
    pub(crate) fn settings(&self) -> String {
        self.settings.iter().map(|(name, value)| format!("; {name}={value}")).collect()
    }

    /// What to do after a namespace, or what one may do inside, was refused.
    pub(crate) fn remedy(&self, errno: Errno) -> String {
        let is = |name, value| self.settings.iter().any(|(found, is)| *found == name && is == value);
        if is(MAX_NAMESPACES, "0") {
            return format!("{MAX_NAMESPACES} is 0: sysctl -w {MAX_NAMESPACES}=15000, and the same in /etc/sysctl.d");
        }
        if !self.is_root && is(UNPRIVILEGED_CLONE, "0") {
            return format!(
                "{UNPRIVILEGED_CLONE} is 0: sysctl -w {UNPRIVILEGED_CLONE}=1, and the same in /etc/sysctl.d"
            );
        }
        if !self.is_root && is(APPARMOR, "1") {
            return format!(
                "{APPARMOR} is 1: allow this program user namespaces by an AppArmor profile, `printf 'abi <abi/4.0>,\\nprofile twinbuild \
                 \"{}\" flags=(unconfined) {{\\n  userns,\\n}}\\n' > /etc/apparmor.d/twinbuild && apparmor_parser -r \
                 /etc/apparmor.d/twinbuild`; or sysctl -w {APPARMOR}=0, which allows all programs",
                self.program.display()
            );
        }
        if errno == Errno::NOSPC {
            return format!("{MAX_NAMESPACES} are in use: raise it with sysctl, or end what uses them");
        }
        if self.is_filtered {
            return "the container's seccomp profile forbids it: allow nesting (docker and podman: --security-opt \
                    seccomp=unconfined --security-opt systempaths=unconfined; Kubernetes: seccompProfile Unconfined and procMount \
                    Unmasked; LXC: security.nesting=true), or run outside of the container"
                .to_owned();
        }
        if self.is_root {
            return "give the container CAP_SYS_ADMIN, and let its security module allow mounts, or run as an unprivileged user"
                .to_owned();
        }
        "use a kernel with CONFIG_USER_NS and CONFIG_NET_NS, and let the security module (SELinux, AppArmor) allow this program user \
         namespaces, or run as root with CAP_SYS_ADMIN"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(settings: &[(&'static str, &str)]) -> Host {
        Host {
            settings: settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            program: "/opt/twinbuild".into(),
            ..Host::default()
        }
    }

    #[test]
    fn the_setting_that_forbids_is_named_with_what_changes_it() {
        let remedy = |settings: &[_]| host(settings).remedy(Errno::PERM);
        assert!(remedy(&[(MAX_NAMESPACES, "0")]).contains("sysctl -w user.max_user_namespaces=15000"));
        assert!(remedy(&[(MAX_NAMESPACES, "9"), (UNPRIVILEGED_CLONE, "0")]).contains("unprivileged_userns_clone=1"));
        let profile = remedy(&[(MAX_NAMESPACES, "9"), (UNPRIVILEGED_CLONE, "1"), (APPARMOR, "1")]);
        assert!(profile.contains("profile twinbuild \"/opt/twinbuild\"") && profile.contains("userns,"), "{profile}");
        assert!(!remedy(&[(APPARMOR, "0")]).contains("AppArmor profile"));
    }

    #[test]
    fn a_container_is_told_by_its_filter() {
        let container = Host { is_filtered: true, ..host(&[(MAX_NAMESPACES, "9")]) };
        assert!(container.remedy(Errno::PERM).contains("seccomp=unconfined"));
        assert!(container.remedy(Errno::NOSPC).contains("are in use"));
        // What binds users only is not what stops root.
        let root = Host { is_root: true, ..host(&[(UNPRIVILEGED_CLONE, "0"), (APPARMOR, "1")]) };
        assert!(root.remedy(Errno::PERM).contains("CAP_SYS_ADMIN"));
    }
}
