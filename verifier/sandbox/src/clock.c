/* Shows programs a real-time clock that is ahead, by being preloaded into them.
 *
 * What reads that clock gets TWINBUILD_CLOCK_OFFSET_SECS added. What waits until a time of it gets the same taken away, so that
 * deadlines mean what their callers mean. The other clocks, and the times of files, stay what they are. Programs without a
 * dynamic linker, and those that make the system call themselves, see the truth.
 *
 * It needs nothing but what every glibc of the last twenty years has, and is linked against no version of it. */

typedef long word;
struct timespec { word secs, nanos; };
struct timeval { word secs, micros; };

enum { REALTIME = 0, REALTIME_COARSE = 5, TAI = 11, ABSTIME = 1, UTC_BASE = 1 };

extern void *dlsym(void *, const char *);
extern char **environ __attribute__((weak));
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

static word offset(void) {
    static const char name[] = "TWINBUILD_CLOCK_OFFSET_SECS=";
    static word known, value;
    if (__atomic_load_n(&known, __ATOMIC_ACQUIRE) || !&environ || !environ)
        return value;
    word found = 0;
    for (char **variable = environ; *variable; variable++) {
        word at = 0;
        while (name[at] && (*variable)[at] == name[at])
            at++;
        if (name[at])
            continue;
        for (const char *digit = *variable + at; *digit >= '0' && *digit <= '9'; digit++)
            found = found * 10 + (*digit - '0');
        break;
    }
    value = found;
    __atomic_store_n(&known, 1, __ATOMIC_RELEASE);
    return found;
}

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
    extern int *__errno_location(void);
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
    (void)zone;
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

/* Each forwards to the next definition, with the deadline as its last argument made true. */
#define FORWARD(result, name, parameters, arguments)                                                                           \
    result name parameters {                                                                                                   \
        static result(*next) parameters;                                                                                       \
        struct timespec room;                                                                                                  \
        if (!next)                                                                                                             \
            next = (result(*) parameters)dlsym(NEXT, #name);                                                                   \
        deadline = true_deadline(deadline, &room);                                                                             \
        return next arguments;                                                                                                 \
    }

FORWARD(int, sem_timedwait, (void *semaphore, const struct timespec *deadline), (semaphore, deadline))
FORWARD(int, sem_clockwait, (void *semaphore, int clock, const struct timespec *deadline), (semaphore, clock, deadline))
FORWARD(int, pthread_cond_timedwait, (void *condition, void *mutex, const struct timespec *deadline),
        (condition, mutex, deadline))
FORWARD(int, pthread_cond_clockwait, (void *condition, void *mutex, int clock, const struct timespec *deadline),
        (condition, mutex, clock, deadline))
FORWARD(int, pthread_mutex_timedlock, (void *mutex, const struct timespec *deadline), (mutex, deadline))
FORWARD(int, pthread_mutex_clocklock, (void *mutex, int clock, const struct timespec *deadline), (mutex, clock, deadline))
FORWARD(int, pthread_rwlock_timedrdlock, (void *lock, const struct timespec *deadline), (lock, deadline))
FORWARD(int, pthread_rwlock_timedwrlock, (void *lock, const struct timespec *deadline), (lock, deadline))
FORWARD(int, pthread_timedjoin_np, (unsigned long thread, void **result, const struct timespec *deadline),
        (thread, result, deadline))

int clock_nanosleep(int clock, int flags, const struct timespec *time, struct timespec *left) {
    static int (*next)(int, int, const struct timespec *, struct timespec *);
    struct timespec room;
    if (!next)
        next = (int (*)(int, int, const struct timespec *, struct timespec *))dlsym(NEXT, "clock_nanosleep");
    return next(clock, flags, flags & ABSTIME ? true_deadline(time, &room) : time, left);
}
