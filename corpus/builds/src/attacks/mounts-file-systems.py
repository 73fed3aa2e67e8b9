"""Mounts the host's file systems, by the old calls and the new ones, and leaves its root."""

from hostile import attempt_call

HERE, CLONE_TREE, BIND, REMOUNT, DETACH = -100, 1, 4096, 32, 2


def attack(directory, files):
    for kind in (b"proc", b"sysfs", b"tmpfs", b"devpts", b"cgroup2", b"overlay", b"fuse", b"ext4", b"devtmpfs"):
        attempt_call("mount", b"none", b"/tmp", kind, 0, 0)
        attempt_call("fsopen", kind, 0)
    attempt_call("mount", b"/proc/1/root", b"/tmp", 0, BIND, 0)
    attempt_call("mount", b"none", b"/", 0, REMOUNT | BIND, 0)
    attempt_call("umount2", b"/etc/passwd", DETACH)
    attempt_call("umount2", b"/proc/sys", DETACH)
    attempt_call("umount2", b"/", DETACH)
    attempt_call("open_tree", HERE, b"/", CLONE_TREE)
    attempt_call("open_tree_attr", HERE, b"/", CLONE_TREE, 0, 0)
    attempt_call("move_mount", HERE, b"/tmp", HERE, b"/etc", 0)
    attempt_call("mount_setattr", HERE, b"/", 0, bytes(32), 32)
    attempt_call("fspick", HERE, b"/", 0)
    attempt_call("fsconfig", 0, 6, 0, 0, 0)
    attempt_call("fsmount", 0, 0, 0)
    attempt_call("statmount", bytes(24), bytes(512), 512, 0)
    attempt_call("listmount", bytes(24), bytes(512), 64, 0)
    attempt_call("pivot_root", b"/tmp", b"/tmp")
    attempt_call("chroot", b"/tmp")
    attempt_call("swapon", b"/tmp/swap", 0)
    attempt_call("quotactl", 0x800007, b"/", 0, bytes(64))
