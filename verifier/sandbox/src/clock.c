/* Shows programs a real-time clock that is ahead, by being preloaded into them.
 *
 * What reads that clock gets an offset added. What waits until a time of it gets the same taken away, so that deadlines mean what
 * their callers mean. The other clocks, and the times of files, stay what they are. Programs without a dynamic linker, and those
 * that make the system call themselves, see the truth.
 *
 * It needs nothing but what every glibc of the last twenty years has, and is linked against no version of it. */

typedef long word;
struct timespec { word secs, nanos; };
struct timeval { word secs, micros; };
struct itimerspec { struct timespec interval, value; };
struct timezone { int minutes_west, summer_time; };

enum { REALTIME = 0, REALTIME_COARSE = 5, TAI = 11, ABSTIME = 1, UTC_BASE = 1 };
enum { LAZY = 1, IF_LOADED = 4, ENOSYS = 38, THREAD_ERROR = 2 };

extern void *dlopen(const char *, int);
extern void *dlsym(void *, const char *);
extern void *dlvsym(void *, const char *, const char *);
extern int *__errno_location(void);
#define NEXT ((void *)-1)

static word read_clock(word clock, struct timespec *time) {
#if defined(__x86_64__)
    word result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(228L), "D"(clock), "S"(time) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register word number __asm__("x8") = 113, result __asm__("x0") = clock;
    register struct timespec *where __asm__("x1") = time;
    __asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(where) : "memory");
    return result;
#endif
}

/* The program that hands this library out writes the offset behind the marker, so the compiler must not rely on the zero. */
static const volatile struct { char marker[24]; word secs; } ahead = {"the offset of the clock:", 0};

static word offset(void) { return ahead.secs; }

/* A deadline of a clock that is not named: monotonic ones are small, and none that is meant is so far ahead. */
static const struct timespec *true_deadline(const struct timespec *deadline, struct timespec *room) {
    struct timespec now;
    if (!deadline || !offset() || read_clock(REALTIME, &now) || deadline->secs < now.secs + offset() / 2)
        return deadline;
    *room = *deadline;
    room->secs -= offset();
    return room;
}

int clock_gettime(int clock, struct timespec *time) {
    word result = read_clock(clock, time);
    if (result < 0) {
        *__errno_location() = (int)-result;
        return -1;
    }
    if (clock == REALTIME || clock == REALTIME_COARSE || clock == TAI)
        time->secs += offset();
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    if (zone)
        *(struct timezone *)zone = (struct timezone){0, 0};
    if (!time)
        return 0;
    read_clock(REALTIME, &now);
    time->secs = now.secs + offset();
    time->micros = now.nanos / 1000;
    return 0;
}

word time(word *where) {
    struct timespec now;
    read_clock(REALTIME, &now);
    now.secs += offset();
    if (where)
        *where = now.secs;
    return now.secs;
}

int timespec_get(struct timespec *time, int base) {
    if (base != UTC_BASE)
        return 0;
    read_clock(REALTIME, time);
    time->secs += offset();
    return base;
}

/* The definition that a program would get without this library, or none.
 *
 * Before 2.36, `dlsym` finds the oldest version of a name. On x86-64 that is another function for condition variables (until 2.3.2) and
 * for timers (until 2.3.3), and what is named below has no other use for these versions. Before 2.34, the module of a program may bring
 * along the libraries of threads and of timers, where the program's own search does not see them. */
static void *definition(const char *name) {
    static const char *const versions[] = {"GLIBC_2.3.2", "GLIBC_2.3.3"}, *const late[] = {"libpthread.so.0", "librt.so.1"};
    void *found = 0;
    for (int at = 0; !found && at < 2; at++)
        found = dlvsym(NEXT, name, versions[at]);
    if (!found)
        found = dlsym(NEXT, name);
    for (int at = 0; !found && at < 2; at++) {
        void *library = dlopen(late[at], LAZY | IF_LOADED);
        found = library ? dlsym(library, name) : 0;
    }
    return found;
}

static int failed(void) {
    *__errno_location() = ENOSYS;
    return -1;
}

/* Each forwards to the definition, with the deadline as its last argument made true. A C library may have none. */
#define FORWARD(name, missing, parameters, arguments)                                                                          \
    int name parameters {                                                                                                      \
        static int(*next) parameters;                                                                                          \
        struct timespec room;                                                                                                  \
        if (!next && !(next = (int(*) parameters)definition(#name)))                                                           \
            return missing;                                                                                                    \
        deadline = true_deadline(deadline, &room);                                                                             \
        return next arguments;                                                                                                 \
    }

FORWARD(sem_timedwait, failed(), (void *semaphore, const struct timespec *deadline), (semaphore, deadline))
FORWARD(sem_clockwait, failed(), (void *semaphore, int clock, const struct timespec *deadline), (semaphore, clock, deadline))
FORWARD(pthread_cond_timedwait, ENOSYS, (void *condition, void *mutex, const struct timespec *deadline),
        (condition, mutex, deadline))
FORWARD(pthread_cond_clockwait, ENOSYS, (void *condition, void *mutex, int clock, const struct timespec *deadline),
        (condition, mutex, clock, deadline))
FORWARD(pthread_mutex_timedlock, ENOSYS, (void *mutex, const struct timespec *deadline), (mutex, deadline))
FORWARD(pthread_mutex_clocklock, ENOSYS, (void *mutex, int clock, const struct timespec *deadline), (mutex, clock, deadline))
FORWARD(pthread_rwlock_timedrdlock, ENOSYS, (void *lock, const struct timespec *deadline), (lock, deadline))
FORWARD(pthread_rwlock_timedwrlock, ENOSYS, (void *lock, const struct timespec *deadline), (lock, deadline))
FORWARD(pthread_rwlock_clockrdlock, ENOSYS, (void *lock, int clock, const struct timespec *deadline), (lock, clock, deadline))
FORWARD(pthread_rwlock_clockwrlock, ENOSYS, (void *lock, int clock, const struct timespec *deadline), (lock, clock, deadline))
FORWARD(pthread_timedjoin_np, ENOSYS, (unsigned long thread, void **result, const struct timespec *deadline),
        (thread, result, deadline))
FORWARD(pthread_clockjoin_np, ENOSYS, (unsigned long thread, void **result, int clock, const struct timespec *deadline),
        (thread, result, clock, deadline))
FORWARD(mtx_timedlock, THREAD_ERROR, (void *mutex, const struct timespec *deadline), (mutex, deadline))
FORWARD(cnd_timedwait, THREAD_ERROR, (void *condition, void *mutex, const struct timespec *deadline),
        (condition, mutex, deadline))

int clock_nanosleep(int clock, int flags, const struct timespec *time, struct timespec *left) {
    static int (*next)(int, int, const struct timespec *, struct timespec *);
    struct timespec room;
    if (!next && !(next = (int (*)(int, int, const struct timespec *, struct timespec *))definition("clock_nanosleep")))
        return ENOSYS;
    return next(clock, flags, flags & ABSTIME ? true_deadline(time, &room) : time, left);
}

/* Each forwards the setting of a timer, with the first expiration made true if it is a moment and no duration. */
#define FORWARD_TIMER(name, timer_type)                                                                                        \
    int name(timer_type timer, int flags, const struct itimerspec *setting, struct itimerspec *before) {                       \
        static int (*next)(timer_type, int, const struct itimerspec *, struct itimerspec *);                                   \
        struct itimerspec room;                                                                                                \
        if (!next && !(next = (int (*)(timer_type, int, const struct itimerspec *, struct itimerspec *))definition(#name)))    \
            return failed();                                                                                                   \
        if (setting && flags & ABSTIME) {                                                                                      \
            room.interval = setting->interval;                                                                                 \
            room.value = *true_deadline(&setting->value, &room.value);                                                         \
            setting = &room;                                                                                                   \
        }                                                                                                                      \
        return next(timer, flags, setting, before);                                                                            \
    }

FORWARD_TIMER(timer_settime, void *)
FORWARD_TIMER(timerfd_settime, int)
