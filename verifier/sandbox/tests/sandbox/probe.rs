//! What the tests have done inside a sandbox. A probe prints what it found; the test judges.

use std::ffi::{CString, c_long};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::FromRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use crate::waits;

pub(crate) fn run(name: &str, arguments: &[String]) {
    let argument = |index: usize| arguments[index].as_str();
    match name {
        "true" => {}
        "exit" => std::process::exit(argument(0).parse().unwrap()),
        "abort" => std::process::abort(),
        "sleep" => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
        "cat" => arguments
            .iter()
            .for_each(|path| println!("{}", told(fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned())))),
        "list" => arguments.iter().for_each(|path| println!("{}", told(list(path).map(|names| names.join(" "))))),
        "order" => println!("{}", order(argument(0)).join(" ")),
        "write" => {
            for path in arguments {
                println!("{path} {}", told(fs::write(path, "x").map(|()| "done".into())));
            }
        }
        "modes" => arguments.iter().for_each(|path| modes(path)),
        "network" => network(argument(0)),
        "connect" => {
            let connected = TcpStream::connect(argument(0));
            println!("{}", told(connected.map(|_| "connected".into())));
        }
        "system-calls" => system_calls(),
        "abstract" => {
            use std::os::linux::net::SocketAddrExt;
            let name = std::os::unix::net::SocketAddr::from_abstract_name(argument(0)).unwrap();
            let connected = std::os::unix::net::UnixStream::connect_addr(&name);
            println!("{}", told(connected.map(|_| "connected".into())));
        }
        "foreign-call" => foreign_call(),
        "conditions" => conditions(),
        "clock" => println!("{} {}", clock(libc::CLOCK_BOOTTIME), clock(libc::CLOCK_MONOTONIC)),
        "wall-clock" => wall_clock(),
        "without-environment" => without_environment(arguments),
        "signalled-waiter" => waits::signalled_waiter(),
        "address" => println!("{:p} {}", &raw const arguments, personality()),
        "report" => report(argument(0).parse().unwrap()),
        "print" => print(argument(0).parse().unwrap()),
        "reopen" => fs::OpenOptions::new().append(true).open("/dev/stdout").unwrap().write_all(b"reopened").unwrap(),
        "fork" => fork_until_refused(argument(0).parse().unwrap()),
        "daemon" => daemon(),
        "allocate" => allocate(argument(0).parse().unwrap(), argument(1).parse().unwrap(), &arguments[2..]),
        "page-tables" => page_tables(argument(0).parse().unwrap()),
        "sockets" => {
            let count: usize = argument(0).parse().unwrap();
            let sockets: Vec<_> = (0..count).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
            std::thread::sleep(Duration::from_millis(600));
            drop(sockets);
        }
        "open-files" => {
            open_files(argument(0).parse().unwrap(), argument(1).parse().unwrap(), argument(2).parse().unwrap());
        }
        "fill" => fill(argument(0), arguments.get(1).map(String::as_str)),
        "fill-all" => {
            let content = vec![1; argument(0).parse::<usize>().unwrap() << 20];
            arguments[1..].iter().for_each(|path| fs::write(path, &content).unwrap());
            std::thread::sleep(Duration::from_millis(600));
        }
        "alter" => alter(argument(0)),
        "shared-memory" => shared_memory(argument(0).parse().unwrap()),
        "fill-inodes" => fill_inodes(argument(0)),
        "spin" => spin(argument(0).parse().unwrap()),
        "execute" => execute(),
        "connect-many" => connect_many(argument(0).parse().unwrap()),
        "hidden" => hidden(),
        "refused" => refused(argument(0).parse().unwrap()),
        "own-listener" => own_listener(),
        "die-asking" => die_asking(),
        "first" => attack_first(),
        "make" => arguments.iter().for_each(|what| make(what)),
        _ => panic!("no probe {name}"),
    }
}

fn told(result: io::Result<String>) -> String {
    result.unwrap_or_else(|error| format!("error {}", error.raw_os_error().unwrap_or(0)))
}

fn order(path: &str) -> Vec<String> {
    fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn list(path: &str) -> io::Result<Vec<String>> {
    let mut names: Vec<String> =
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().into_string().unwrap())).collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

fn modes(path: &str) {
    let found = fs::symlink_metadata(path).unwrap();
    println!("{path} {:o} {} {}.{:09} {}", found.mode(), found.uid(), found.mtime(), found.mtime_nsec(), found.size());
}

fn network(how: &str) {
    let result = match how {
        "tcp" => TcpStream::connect("192.0.2.1:80").map(drop),
        "tcp6" => TcpStream::connect("[2001:db8::1]:80").map(drop),
        "udp" => UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", "192.0.2.1:9").map(drop)),
        "name" => "twinbuild.example.org:80".to_socket_addrs().map(drop),
        "loopback" => {
            TcpListener::bind("127.0.0.1:0").and_then(|listener| TcpStream::connect(listener.local_addr()?).map(drop))
        }
        "none" => Ok(()),
        _ => panic!("no way {how}"),
    };
    match result {
        Ok(()) => println!("{how} went through"),
        Err(error) => println!("{how} failed: {error}"),
    }
}

/// Makes calls that, without the filter, would succeed or fail otherwise, and prints the error of each.
fn system_calls() {
    let call = |name: &str, number: c_long, arguments: [c_long; 5]| {
        let [a, b, c, d, e] = arguments;
        // SAFETY: every pointer among the arguments is null, which the kernel checks.
        let result = unsafe { libc::syscall(number, a, b, c, d, e) };
        let error = io::Error::last_os_error().raw_os_error().unwrap();
        println!("{name} {}", if result == -1 { error } else { 0 });
    };
    call("mount", libc::SYS_mount, [0; 5]);
    call("fsopen", libc::SYS_fsopen, [0; 5]);
    call("open_tree", libc::SYS_open_tree, [-1, 0, 0, 0, 0]);
    call("open_tree_attr", 467, [-1, 0, 0, 0, 0]);
    call("chroot", libc::SYS_chroot, [0; 5]);
    call("unshare-user", libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0]);
    call("unshare-files", libc::SYS_unshare, [libc::CLONE_FILES.into(), 0, 0, 0, 0]);
    call("setns", libc::SYS_setns, [-1, 0, 0, 0, 0]);
    call("clone-user", libc::SYS_clone, [c_long::from(libc::CLONE_NEWUSER | libc::SIGCHLD), 0, 0, 0, 0]);
    call("clone-net", libc::SYS_clone, [c_long::from(libc::CLONE_NEWNET | libc::SIGCHLD), 0, 0, 0, 0]);
    call("clone3", libc::SYS_clone3, [0; 5]);
    call("ptrace", libc::SYS_ptrace, [c_long::from(libc::PTRACE_PEEKDATA), 0, 0, 0, 0]);
    call("process_vm_readv", libc::SYS_process_vm_readv, [0; 5]);
    call("keyctl", libc::SYS_keyctl, [0, -3, 1, 0, 0]);
    call("add_key", libc::SYS_add_key, [0; 5]);
    call("io_uring_setup", libc::SYS_io_uring_setup, [0; 5]);
    call("bpf", libc::SYS_bpf, [0; 5]);
    call("perf_event_open", libc::SYS_perf_event_open, [0; 5]);
    call("userfaultfd", libc::SYS_userfaultfd, [1, 0, 0, 0, 0]);
    call("name_to_handle_at", libc::SYS_name_to_handle_at, [0; 5]);
    call("memfd_create", libc::SYS_memfd_create, [0; 5]);
    call("memfd_secret", libc::SYS_memfd_secret, [0; 5]);
    for (name, number) in [
        ("pidfd_getfd", libc::SYS_pidfd_getfd),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("fanotify_init", libc::SYS_fanotify_init),
        ("process_vm_writev", libc::SYS_process_vm_writev),
        ("process_madvise", libc::SYS_process_madvise),
        ("kcmp", libc::SYS_kcmp),
        ("request_key", libc::SYS_request_key),
        ("pivot_root", libc::SYS_pivot_root),
        ("mount_setattr", libc::SYS_mount_setattr),
        ("swapon", libc::SYS_swapon),
        ("kexec_load", libc::SYS_kexec_load),
        ("init_module", libc::SYS_init_module),
        ("reboot", libc::SYS_reboot),
        ("acct", libc::SYS_acct),
        ("syslog", libc::SYS_syslog),
        ("sethostname", libc::SYS_sethostname),
        ("clock_settime", libc::SYS_clock_settime),
        ("quotactl", libc::SYS_quotactl),
    ] {
        call(name, number, [-1; 5]);
    }
    call("io_uring_enter", libc::SYS_io_uring_enter, [-1; 5]);
    call("io_uring_register", libc::SYS_io_uring_register, [-1; 5]);
    call("ioctl-linux", libc::SYS_ioctl, [0, 0x541c, 0, 0, 0]);
    call("socketpair-vsock", libc::SYS_socketpair, [libc::AF_VSOCK.into(), libc::SOCK_STREAM.into(), 0, 0, 0]);
    call("personality-set", libc::SYS_personality, [0x0400_0000, 0, 0, 0, 0]);
    call("personality-get", libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0]);
    let socket =
        |name: &str, family: i32, kind: i32| call(name, libc::SYS_socket, [family.into(), kind.into(), 0, 0, 0]);
    socket("socket-netlink", libc::AF_NETLINK, libc::SOCK_DGRAM);
    socket("socket-netlink-raw", libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC);
    socket("socket-vsock", libc::AF_VSOCK, libc::SOCK_STREAM);
    socket("socket-alg", libc::AF_ALG, libc::SOCK_SEQPACKET);
    socket("socket-packet", libc::AF_PACKET, libc::SOCK_DGRAM);
    socket("socket-raw", libc::AF_INET, libc::SOCK_RAW);
    socket("socket-unix-raw", libc::AF_UNIX, libc::SOCK_RAW | libc::SOCK_CLOEXEC);
    socket("socket-inet", libc::AF_INET, libc::SOCK_STREAM);
    socket("socket-inet6", libc::AF_INET6, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK);
    socket("socket-unix", libc::AF_UNIX, libc::SOCK_STREAM);
    call("ioctl-sti", libc::SYS_ioctl, [0, 0x5412, 0, 0, 0]);
    call("ioctl-sti-high", libc::SYS_ioctl, [0, 0x1_0000_5412, 0, 0, 0]);
    call("x32", 0x4000_0000 | libc::SYS_getpid, [0; 5]);
    call("future", 100_000, [0; 5]);
}

/// Calls the kernel by the door of 32-bit programs.
fn foreign_call() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: getpid of i386 takes nothing and changes nothing but the result register.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") 20_u64 => _, options(nostack));
    }
    println!("survived");
}

fn conditions() {
    // SAFETY: umask cannot fail; utsname is bytes; the buffers live across the calls.
    let (mask, affinity, session) = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&set), &raw mut set);
        (libc::umask(0), libc::CPU_COUNT(&set), libc::getsid(0) == libc::getpid())
    };
    let names = rustix::system::uname();
    println!("umask {mask:o}");
    println!("processors {affinity}");
    println!("leads-session {session}");
    println!("hostname {}", names.nodename().to_str().unwrap());
    println!("domainname {}", names.domainname().to_str().unwrap());
    println!("cwd {}", std::env::current_dir().unwrap().display());
    println!("arguments {:?}", std::env::args().next().unwrap());
    let mut environment: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    environment.sort();
    println!("env {}", environment.join(","));
    // One more is the listing itself.
    println!("descriptors {}", list("/proc/self/fd").unwrap().join(","));
    let mut input = String::new();
    io::stdin().read_to_string(&mut input).unwrap();
    println!("stdin {input}");
    let status = fs::read_to_string("/proc/self/status").unwrap();
    for line in status.lines().filter(|line| line.starts_with("Sig")) {
        println!("{line}");
    }
}

fn clock(id: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure lives across the call.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    time.tv_sec
}

/// Reads the real-time clock in three ways, then waits until a moment of it in all ways.
fn wall_clock() {
    use std::time::{SystemTime, UNIX_EPOCH};
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs();
    // SAFETY: all of these write to values that live across the calls; the mutex, condition and semaphore are initialised.
    unsafe {
        let mut day: libc::timeval = std::mem::zeroed();
        // An offset from Greenwich and a kind of summer time, which no kernel has been keeping for long.
        let mut zone = [1, 1];
        libc::gettimeofday(&raw mut day, zone.as_mut_ptr().cast());
        assert_eq!(zone, [0, 0]);
        println!("{} {} {}", seconds(SystemTime::now()), libc::time(std::ptr::null_mut()), day.tv_sec);
        fs::write("/tmp/now", "").unwrap();
        println!("{} {}", seconds(fs::metadata("/tmp/now").unwrap().modified().unwrap()), clock(libc::CLOCK_MONOTONIC));
    }
    waits::until_a_moment();
}

/// Becomes another probe, with an environment that is empty.
fn without_environment(probe: &[String]) {
    use std::os::unix::process::CommandExt;
    let error = std::process::Command::new("/bin/probe").arg("__probe").args(probe).env_clear().exec();
    panic!("{error}");
}

fn personality() -> i32 {
    // SAFETY: takes no pointer.
    unsafe { libc::personality(0xffff_ffff) }
}

fn report(count: usize) {
    let fd: i32 = std::env::var("TWINBUILD_REPORT_FD").unwrap().parse().unwrap();
    // SAFETY: nothing else uses this descriptor.
    let mut pipe = unsafe { fs::File::from_raw_fd(fd) };
    pipe.write_all(&vec![b'r'; count]).unwrap();
}

fn print(count: usize) {
    let line = [b'p'; 4096];
    for _ in 0..count / line.len() {
        if io::stdout().write_all(&line).is_err() {
            return;
        }
    }
}

/// Children that live until they are killed. Exits with `code`.
fn fork_until_refused(code: i32) {
    let mut count = 0;
    loop {
        // SAFETY: one thread; the child only sleeps.
        match unsafe { libc::fork() } {
            -1 => break,
            0 => loop {
                std::thread::sleep(Duration::from_secs(60));
            },
            _ => count += 1,
        }
        if count > 2000 {
            break;
        }
    }
    println!("{count}");
    io::stdout().flush().unwrap();
    std::process::exit(code);
}

/// A grandchild in a session of its own, deaf to all signals that can be ignored; then waits for ever.
fn daemon() {
    // SAFETY: one thread; the children only sleep.
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            for signal in 1..32 {
                libc::signal(signal, libc::SIG_IGN);
            }
            libc::fork();
        }
    }
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// So many children take so many megabytes each, of which none is given back before all have them, or one is gone. Fails if one was killed,
/// but with `survive`.
fn allocate(children: u32, megabytes: usize, how: &[String]) {
    let sharing = if how[0] == "shared" { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    for _ in 0..children {
        // SAFETY: one thread; the child uses only memory that it maps itself.
        unsafe {
            if libc::fork() == 0 {
                let protection = libc::PROT_READ | libc::PROT_WRITE;
                for _ in 0..megabytes {
                    let block =
                        libc::mmap(std::ptr::null_mut(), 1 << 20, protection, sharing | libc::MAP_ANONYMOUS, -1, 0);
                    assert_ne!(block, libc::MAP_FAILED);
                    libc::memset(block, 1, 1 << 20);
                }
                std::thread::sleep(Duration::from_millis(400));
                libc::_exit(0);
            }
        }
    }
    let killed = (0..children).filter(|_| !reap()).count();
    std::process::exit(if killed > 0 && how.len() == 1 { 1 } else { 0 });
}

/// Reads a page of as many tables of pages, which are all the same page of zeros.
fn page_tables(count: usize) {
    const REACH: usize = 2 << 20;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: the mapping is new, and read within its bounds only. Huge pages would need no tables.
    unsafe {
        let start = libc::mmap(std::ptr::null_mut(), count * REACH, libc::PROT_READ, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        libc::madvise(start, count * REACH, libc::MADV_NOHUGEPAGE);
        for index in 0..count {
            std::ptr::read_volatile(start.cast::<u8>().add(index * REACH));
        }
    }
    std::thread::sleep(Duration::from_millis(600));
}

/// Waits for a child; tells whether it ended well.
fn reap() -> bool {
    let mut status = 0;
    // SAFETY: the status lives across the call.
    unsafe { libc::wait(&raw mut status) };
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// Opens so many files or as many as it may, and exits with a code after a while.
fn open_files(count: usize, code: i32, pause_ms: u64) {
    let files: Vec<_> = (0..count).map_while(|_| fs::File::open("/dev/null").ok()).collect();
    println!("{}", files.len());
    std::thread::sleep(Duration::from_millis(pause_ms));
    std::process::exit(code);
}

/// So many processes use the processors for ever.
fn spin(processes: u32) {
    for _ in 1..processes {
        // SAFETY: one thread; the child goes on to spin.
        if unsafe { libc::fork() } == 0 {
            break;
        }
    }
    loop {
        std::hint::spin_loop();
    }
}

/// Programs of the root and of scratch, found and not found, named from the root and from here.
fn execute() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    let run = |command: &mut Command| told(command.status().map(|status| status.to_string()));
    println!("{}", run(Command::new("probe").args(["__probe", "true"])));
    println!("{}", run(Command::new("/bin/none").arg("x")));
    fs::copy("/bin/probe", "/build/own").unwrap();
    println!("{}", run(Command::new("./own").args(["__probe", "true"])));
    // A child that replaces itself.
    let mut shell = Command::new("/bin/probe");
    shell.args(["__probe", "exit", "0"]);
    // SAFETY: only a call that is safe after fork.
    unsafe {
        shell.pre_exec(|| {
            let child = libc::fork();
            if child > 0 {
                libc::waitpid(child, std::ptr::null_mut(), 0);
            }
            Ok(())
        });
    }
    println!("{}", run(&mut shell));
}

/// Sends to so many ports.
fn connect_many(ports: u16) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    for port in 1..=ports {
        assert!(socket.send_to(b"x", ("192.0.2.1", port)).is_err());
    }
}

/// Closes itself to those who look, then reaches out.
fn hidden() {
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }, 0);
    assert!(TcpStream::connect("192.0.2.7:77").is_err());
}

/// Asks so often for what is refused.
fn refused(count: u32) {
    for _ in 0..count {
        // SAFETY: takes no pointer.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, -1);
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EPERM));
    }
}

/// Loads a filter of its own, with a listener and without, and asks for what it forbids.
fn own_listener() {
    const ALLOW: libc::sock_filter = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let mut program = [ALLOW];
    let program = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    for flags in [libc::SECCOMP_FILTER_FLAG_NEW_LISTENER, 0] {
        // SAFETY: the program lives across the call.
        let result =
            unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
        println!("{}", if result < 0 { io::Error::last_os_error().raw_os_error().unwrap() } else { 0 });
    }
    refused(1);
}

/// Children that are killed while they ask.
fn die_asking() {
    for _ in 0..50 {
        let mut children = [0; 4];
        for child in &mut children {
            // SAFETY: one thread; the child only makes calls.
            *child = unsafe { libc::fork() };
            if *child == 0 {
                loop {
                    // SAFETY: takes no pointer.
                    unsafe { libc::unshare(libc::CLONE_NEWNS) };
                }
            }
        }
        std::thread::sleep(Duration::from_millis(1));
        for child in children {
            // SAFETY: takes no pointer; the process is a child.
            unsafe { libc::kill(child, libc::SIGKILL) };
            reap();
        }
    }
    println!("done");
}

fn fill(path: &str, then: Option<&str>) {
    let mut file = fs::File::create(path).unwrap();
    let block = vec![1; 1 << 20];
    for _ in 0..8192 {
        if let Err(error) = file.write_all(&block) {
            println!("{}", error.raw_os_error().unwrap());
            if then == Some("remove") {
                // A child fails, as the compiler of a build would, before its parent makes room.
                // SAFETY: one thread; the child only ends.
                unsafe {
                    if libc::fork() == 0 {
                        libc::_exit(1);
                    }
                }
                reap();
                file.set_len(0).unwrap();
            }
            std::process::exit(i32::from(then != Some("cope")));
        }
    }
    println!("never");
}

fn fill_inodes(path: &str) {
    for number in 0..1_000_000 {
        if let Err(error) = fs::write(Path::new(path).join(number.to_string()), "") {
            println!("{} after {number}", error.raw_os_error().unwrap());
            std::process::exit(1);
        }
    }
    println!("never");
}

/// Tries all that would change a file, by its path and by a descriptor.
fn alter(path: &str) {
    let none = |result: io::Result<()>| told(result.map(|()| "done".into()));
    let file = || fs::File::open(path).unwrap();
    let mode = || fs::Permissions::from_mode(0o777);
    println!("chmod {}", none(fs::set_permissions(path, mode())));
    println!("fchmod {}", none(file().set_permissions(mode())));
    println!("chown {}", none(std::os::unix::fs::chown(path, Some(fs::metadata(path).unwrap().uid()), None)));
    println!("times {}", none(file().set_modified(std::time::SystemTime::UNIX_EPOCH)));
    println!("write {}", none(fs::OpenOptions::new().write(true).open(path).map(drop)));
    println!("truncate {}", none(fs::OpenOptions::new().append(true).open(path).and_then(|file| file.set_len(0))));
    println!("link {}", none(fs::hard_link(path, "/build/link")));
    println!("rename {}", none(fs::rename(path, "/build/renamed")));
    println!("unlink {}", none(fs::remove_file(path)));
}

/// Fills a segment of shared memory of so many MiB, and keeps it without having it attached.
fn shared_memory(size_mib: usize) {
    let size = size_mib << 20;
    // SAFETY: takes no pointer.
    let id = unsafe { libc::shmget(libc::IPC_PRIVATE, size, 0o600) };
    if id < 0 {
        std::process::exit(1);
    }
    // SAFETY: the kernel chooses the address; the segment is as long as what is written, and detached once.
    unsafe {
        let at = libc::shmat(id, std::ptr::null(), 0);
        assert_ne!(at.addr(), usize::MAX);
        at.write_bytes(1, size);
        assert_eq!(libc::shmdt(at), 0);
    }
    std::thread::sleep(Duration::from_millis(900));
}

/// Tries to get at process 1, which has the same user.
fn attack_first() {
    for path in ["/proc/1/mem", "/proc/1/environ", "/proc/1/fd", "/proc/1/root"] {
        println!(
            "{path} {}",
            told(fs::metadata(path).and_then(|_| if path.ends_with('d') || path.ends_with('t') {
                list(path).map(|names| names.join(" "))
            } else {
                fs::File::open(path).map(|_| "open".into())
            }))
        );
    }
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the structure lives across the calls.
    let slowed = unsafe {
        [
            libc::sched_setscheduler(1, libc::SCHED_IDLE, &raw const parameter),
            libc::setpriority(libc::PRIO_PROCESS, 1, 19),
            libc::setpriority(libc::PRIO_USER, libc::getuid(), 19),
        ]
    };
    println!("slowed {slowed:?}");
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGSTOP, libc::SIGCHLD] {
        // SAFETY: takes no pointer.
        unsafe { libc::kill(1, signal) };
    }
}

/// `KIND:PATH[:ARGUMENT]`
fn make(what: &str) {
    let mut parts = what.split(':');
    let (kind, path) = (parts.next().unwrap(), parts.next().unwrap());
    let argument = parts.next();
    match kind {
        "file" => fs::write(path, argument.unwrap()).unwrap(),
        "dir" => fs::create_dir_all(path).unwrap(),
        "mode" => {
            fs::set_permissions(path, fs::Permissions::from_mode(u32::from_str_radix(argument.unwrap(), 8).unwrap()))
                .unwrap();
        }
        "link" => symlink(argument.unwrap(), path).unwrap(),
        "remove" => fs::remove_dir_all(path).unwrap(),
        "socket" => drop(UnixListener::bind(path).unwrap()),
        "sparse" => fs::File::create(path).unwrap().set_len(argument.unwrap().parse().unwrap()).unwrap(),
        "fifo" => {
            let path = CString::new(path).unwrap();
            // SAFETY: the path ends in NUL and lives across the call.
            assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
        }
        "many" => (0..argument.unwrap().parse().unwrap())
            .for_each(|number: u32| fs::write(Path::new(path).join(number.to_string()), "").unwrap()),
        _ => panic!("cannot make {kind}"),
    }
}
