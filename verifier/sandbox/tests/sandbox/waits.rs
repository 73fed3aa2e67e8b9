//! Probes that wait until a moment of the real-time clock.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::os::unix::thread::JoinHandleExt;
use std::time::{Duration, Instant};

/// Waits in all ways, until 100 ms from now, and prints how many milliseconds each took.
pub(crate) fn until_a_moment() {
    for way in WAITS {
        let started = Instant::now();
        let deadline = in_wall_clock(Duration::from_millis(100));
        // SAFETY: the deadline lives across the call.
        unsafe { way(&raw const deadline) };
        println!("{}", started.elapsed().as_millis());
    }
}

/// Waits for another thread, with a deadline in ten seconds; prints whether it was woken in time.
pub(crate) fn signalled_waiter() {
    struct Shared(UnsafeCell<libc::pthread_mutex_t>, UnsafeCell<libc::pthread_cond_t>);
    // SAFETY: both are made for use by several threads.
    unsafe impl Sync for Shared {}
    static SHARED: Shared =
        Shared(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER));
    let started = Instant::now();
    let deadline = in_wall_clock(Duration::from_secs(10));
    // SAFETY: the mutex and the condition are initialised and never moved.
    let result = unsafe {
        libc::pthread_mutex_lock(SHARED.0.get());
        let waker = std::thread::spawn(|| {
            libc::pthread_mutex_lock(SHARED.0.get());
            libc::pthread_cond_signal(SHARED.1.get());
            libc::pthread_mutex_unlock(SHARED.0.get());
        });
        let result = libc::pthread_cond_timedwait(SHARED.1.get(), SHARED.0.get(), &raw const deadline);
        libc::pthread_mutex_unlock(SHARED.0.get());
        waker.join().unwrap();
        result
    };
    println!("{result} {}", started.elapsed() < Duration::from_secs(5));
}

/// The real-time clock as the C library tells it, and this much later.
fn in_wall_clock(later: Duration) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to a value that lives across the call.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    let later = Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap()) + later;
    libc::timespec { tv_sec: i64::try_from(later.as_secs()).unwrap(), tv_nsec: i64::from(later.subsec_nanos()) }
}

/// Every call that waits until a moment of the real-time clock, for what never happens.
const WAITS: [unsafe fn(*const libc::timespec); 17] = [
    |deadline| {
        // SAFETY: the deadline lives across the call.
        unsafe {
            libc::clock_nanosleep(libc::CLOCK_REALTIME, libc::TIMER_ABSTIME, deadline, std::ptr::null_mut());
        }
    },
    |deadline| {
        // SAFETY: the semaphore is initialised and lives across the call.
        unsafe {
            let mut semaphore: libc::sem_t = std::mem::zeroed();
            libc::sem_timedwait(&raw mut semaphore, deadline);
        }
    },
    |deadline| {
        // SAFETY: as above.
        unsafe {
            let mut semaphore: libc::sem_t = std::mem::zeroed();
            sem_clockwait(&raw mut semaphore, libc::CLOCK_REALTIME, deadline);
        }
    },
    |deadline| {
        let (mut mutex, mut condition) = (libc::PTHREAD_MUTEX_INITIALIZER, libc::PTHREAD_COND_INITIALIZER);
        // SAFETY: both are initialised and live across the calls.
        unsafe {
            libc::pthread_mutex_lock(&raw mut mutex);
            libc::pthread_cond_timedwait(&raw mut condition, &raw mut mutex, deadline);
        }
    },
    |deadline| {
        let (mut mutex, mut condition) = (libc::PTHREAD_MUTEX_INITIALIZER, libc::PTHREAD_COND_INITIALIZER);
        // SAFETY: as above.
        unsafe {
            libc::pthread_mutex_lock(&raw mut mutex);
            pthread_cond_clockwait(&raw mut condition, &raw mut mutex, libc::CLOCK_REALTIME, deadline);
        }
    },
    |deadline| {
        let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
        // SAFETY: as above; the mutex is of the kind that waits for its own holder.
        unsafe {
            libc::pthread_mutex_lock(&raw mut mutex);
            libc::pthread_mutex_timedlock(&raw mut mutex, deadline);
        }
    },
    |deadline| {
        let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
        // SAFETY: as above.
        unsafe {
            libc::pthread_mutex_lock(&raw mut mutex);
            pthread_mutex_clocklock(&raw mut mutex, libc::CLOCK_REALTIME, deadline);
        }
    },
    |deadline| {
        // SAFETY: the lock of the static is initialised and never moved.
        unsafe { pthread_rwlock_timedrdlock(held_by_another(), deadline) };
    },
    |deadline| {
        // SAFETY: as above.
        unsafe { pthread_rwlock_timedwrlock(held_by_another(), deadline) };
    },
    |deadline| {
        // SAFETY: as above.
        unsafe { pthread_rwlock_clockrdlock(held_by_another(), libc::CLOCK_REALTIME, deadline) };
    },
    |deadline| {
        // SAFETY: as above.
        unsafe { pthread_rwlock_clockwrlock(held_by_another(), libc::CLOCK_REALTIME, deadline) };
    },
    |deadline| {
        // SAFETY: the thread is neither joined nor detached elsewhere.
        unsafe { pthread_timedjoin_np(sleeper(), std::ptr::null_mut(), deadline) };
    },
    |deadline| {
        // SAFETY: as above.
        unsafe { pthread_clockjoin_np(sleeper(), std::ptr::null_mut(), libc::CLOCK_REALTIME, deadline) };
    },
    |deadline| {
        // SAFETY: both are at least as large as their types, aligned, initialised and live across the calls.
        unsafe {
            let (mut mutex, mut condition) = ([0_u64; 8], [0_u64; 8]);
            mtx_init(mutex.as_mut_ptr(), MTX_TIMED);
            cnd_init(condition.as_mut_ptr());
            mtx_lock(mutex.as_mut_ptr());
            cnd_timedwait(condition.as_mut_ptr(), mutex.as_mut_ptr(), deadline);
        }
    },
    |deadline| {
        // SAFETY: as above.
        unsafe {
            let mut mutex = [0_u64; 8];
            mtx_init(mutex.as_mut_ptr(), MTX_TIMED);
            mtx_lock(mutex.as_mut_ptr());
            mtx_timedlock(mutex.as_mut_ptr(), deadline);
        }
    },
    |deadline| {
        // SAFETY: every structure lives across the calls, and the signal cannot come before it is waited for.
        unsafe {
            let mut signals: libc::sigset_t = std::mem::zeroed();
            libc::sigaddset(&raw mut signals, libc::SIGALRM);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
            let mut timer: libc::timer_t = std::mem::zeroed();
            assert_eq!(libc::timer_create(libc::CLOCK_REALTIME, std::ptr::null_mut(), &raw mut timer), 0);
            let setting = once_at(*deadline);
            libc::timer_settime(timer, libc::TIMER_ABSTIME, &raw const setting, std::ptr::null_mut());
            let bound = libc::timespec { tv_sec: 10, tv_nsec: 0 };
            libc::sigtimedwait(&raw const signals, std::ptr::null_mut(), &raw const bound);
        }
    },
    |deadline| {
        // SAFETY: every structure lives across the calls.
        unsafe {
            let timer = libc::timerfd_create(libc::CLOCK_REALTIME, 0);
            let setting = once_at(*deadline);
            libc::timerfd_settime(timer, libc::TFD_TIMER_ABSTIME, &raw const setting, std::ptr::null_mut());
            let mut waited = libc::pollfd { fd: timer, events: libc::POLLIN, revents: 0 };
            libc::poll(&raw mut waited, 1, 10_000);
        }
    },
];

/// `mtx_timed` of `threads.h`.
const MTX_TIMED: c_int = 2;

unsafe extern "C" {
    fn sem_clockwait(semaphore: *mut libc::sem_t, clock: libc::clockid_t, deadline: *const libc::timespec) -> c_int;
    fn pthread_cond_clockwait(
        condition: *mut libc::pthread_cond_t,
        mutex: *mut libc::pthread_mutex_t,
        clock: libc::clockid_t,
        deadline: *const libc::timespec,
    ) -> c_int;
    fn pthread_mutex_clocklock(
        mutex: *mut libc::pthread_mutex_t,
        clock: libc::clockid_t,
        deadline: *const libc::timespec,
    ) -> c_int;
    fn pthread_rwlock_timedrdlock(lock: *mut libc::pthread_rwlock_t, deadline: *const libc::timespec) -> c_int;
    fn pthread_rwlock_timedwrlock(lock: *mut libc::pthread_rwlock_t, deadline: *const libc::timespec) -> c_int;
    fn pthread_rwlock_clockrdlock(
        lock: *mut libc::pthread_rwlock_t,
        clock: libc::clockid_t,
        deadline: *const libc::timespec,
    ) -> c_int;
    fn pthread_rwlock_clockwrlock(
        lock: *mut libc::pthread_rwlock_t,
        clock: libc::clockid_t,
        deadline: *const libc::timespec,
    ) -> c_int;
    fn pthread_timedjoin_np(
        thread: libc::pthread_t,
        result: *mut *mut libc::c_void,
        deadline: *const libc::timespec,
    ) -> c_int;
    fn pthread_clockjoin_np(
        thread: libc::pthread_t,
        result: *mut *mut libc::c_void,
        clock: libc::clockid_t,
        deadline: *const libc::timespec,
    ) -> c_int;
    fn mtx_init(mutex: *mut u64, kind: c_int) -> c_int;
    fn mtx_lock(mutex: *mut u64) -> c_int;
    fn mtx_timedlock(mutex: *mut u64, deadline: *const libc::timespec) -> c_int;
    fn cnd_init(condition: *mut u64) -> c_int;
    fn cnd_timedwait(condition: *mut u64, mutex: *mut u64, deadline: *const libc::timespec) -> c_int;
}

fn once_at(moment: libc::timespec) -> libc::itimerspec {
    libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: moment }
}

/// A lock that a thread which is gone holds for writing.
fn held_by_another() -> *mut libc::pthread_rwlock_t {
    struct Lock(UnsafeCell<libc::pthread_rwlock_t>);
    // SAFETY: made for use by several threads.
    unsafe impl Sync for Lock {}
    static LOCK: Lock = Lock(UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER));
    // SAFETY: the lock is initialised and never moved.
    std::thread::spawn(|| unsafe { libc::pthread_rwlock_trywrlock(LOCK.0.get()) }).join().unwrap();
    LOCK.0.get()
}

/// A thread that does not end.
fn sleeper() -> libc::pthread_t {
    std::thread::spawn(|| std::thread::sleep(Duration::from_secs(60))).into_pthread_t()
}
