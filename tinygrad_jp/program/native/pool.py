"""Threads that help with the large loops, in native code: they need no GIL, and no Python.

They look out for work for some 90 µs, then sleep. Work is a function that takes parts of a loop
until none is left, so all threads call it; one that comes too late finds nothing to do, and nobody
waits for it. There is one team a process; who finds it busy works alone. There is none where there
is but one processor, where BLAS was told to keep to one thread (OPENBLAS_NUM_THREADS=1), and in a
forked child, which has no threads.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
from threading import Lock
from typing import Any

from . import blas

MOST = 7  # helpers
# bytes into the team's memory: who uses it, what it does, and how many were asked
OWNED, WORK, GIVEN, STOP, ASKED, COUNT, FIRST = 0, 8, 16, 24, 32, 40, 64
STATE, ASLEEP, TEAM, MUTEX, CONDITION, BYTES = 0, 8, 16, 64, 128, 256  # and into a helper's
IDLE, POSTED, TAKEN = 0, 1, 2
LOOKS = 2000  # some 90 µs: longer than what lies between the large loops of a step
WAITS = 4000  # looks before the processor is given to others
QUOTA = "/sys/fs/cgroup/cpu.max"

TEXT = f"""
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @sched_yield()
PAUSE_DECLARATION

define ptr @helper(ptr %me) {{
entry:
  %team.at = getelementptr i8, ptr %me, i64 {TEAM}
  %team = load ptr, ptr %team.at
  %work = getelementptr i8, ptr %team, i64 {WORK}
  %given = getelementptr i8, ptr %team, i64 {GIVEN}
  %stop = getelementptr i8, ptr %team, i64 {STOP}
  %asleep = getelementptr i8, ptr %me, i64 {ASLEEP}
  %mutex = getelementptr i8, ptr %me, i64 {MUTEX}
  %condition = getelementptr i8, ptr %me, i64 {CONDITION}
  br label %look
look:
  %n = phi i64 [ 0, %entry ], [ %more, %wait ], [ 0, %run ], [ 0, %wake ]
  %state = load atomic i64, ptr %me seq_cst, align 8
  %posted = icmp eq i64 %state, {POSTED}
  br i1 %posted, label %take, label %wait
wait:
  PAUSE
  %more = add i64 %n, 1
  %patient = icmp ult i64 %more, {LOOKS}
  br i1 %patient, label %look, label %sleep
take:
  %pair = cmpxchg ptr %me, i64 {POSTED}, i64 {TAKEN} seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %run, label %late
late:
  br label %sleep
run:
  %f = load ptr, ptr %work
  %x = load ptr, ptr %given
  call void %f(ptr %x)
  store atomic i64 {IDLE}, ptr %me release, align 8
  br label %look
sleep:
  %locked = call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i64 1, ptr %asleep seq_cst, align 8
  br label %check
check:
  %now = load atomic i64, ptr %me seq_cst, align 8
  %some = icmp eq i64 %now, {POSTED}
  %halt = load atomic i64, ptr %stop seq_cst, align 8
  %end = icmp ne i64 %halt, 0
  %up = or i1 %some, %end
  br i1 %up, label %wake, label %doze
doze:
  %woken = call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %check
wake:
  store atomic i64 0, ptr %asleep seq_cst, align 8
  %freed = call i32 @pthread_mutex_unlock(ptr %mutex)
  br i1 %end, label %leave, label %look
leave:
  ret ptr null
}}

define i1 @start(ptr %team, ptr %f, ptr %x, i64 %wanted) {{
entry:
  %was = atomicrmw xchg ptr %team, i64 1 seq_cst
  %free = icmp eq i64 %was, 0
  br i1 %free, label %post, label %refuse
post:
  %work = getelementptr i8, ptr %team, i64 {WORK}
  %given = getelementptr i8, ptr %team, i64 {GIVEN}
  %asked = getelementptr i8, ptr %team, i64 {ASKED}
  %count.at = getelementptr i8, ptr %team, i64 {COUNT}
  %first = getelementptr i8, ptr %team, i64 {FIRST}
  %count = load i64, ptr %count.at
  %few = icmp ult i64 %wanted, %count
  %n = select i1 %few, i64 %wanted, i64 %count
  store i64 %n, ptr %asked
  store ptr %f, ptr %work
  store ptr %x, ptr %given
  br label %ask
ask:
  %i = phi i64 [ 0, %post ], [ %next, %asked.one ]
  %offset = mul i64 %i, {BYTES}
  %helper = getelementptr i8, ptr %first, i64 %offset
  %asleep = getelementptr i8, ptr %helper, i64 {ASLEEP}
  store atomic i64 {POSTED}, ptr %helper seq_cst, align 8
  %dozing = load atomic i64, ptr %asleep seq_cst, align 8
  %sleeps = icmp ne i64 %dozing, 0
  br i1 %sleeps, label %wake, label %asked.one
wake:
  %mutex = getelementptr i8, ptr %helper, i64 {MUTEX}
  %condition = getelementptr i8, ptr %helper, i64 {CONDITION}
  %a = call i32 @pthread_mutex_lock(ptr %mutex)
  %b = call i32 @pthread_cond_signal(ptr %condition)
  %c = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %asked.one
asked.one:
  %next = add i64 %i, 1
  %others = icmp ult i64 %next, %n
  br i1 %others, label %ask, label %done
done:
  ret i1 true
refuse:
  ret i1 false
}}

define void @finish(ptr %team) {{
entry:
  %asked = getelementptr i8, ptr %team, i64 {ASKED}
  %first = getelementptr i8, ptr %team, i64 {FIRST}
  %n = load i64, ptr %asked
  br label %each
each:
  %i = phi i64 [ 0, %entry ], [ %next, %over ]
  %offset = mul i64 %i, {BYTES}
  %helper = getelementptr i8, ptr %first, i64 %offset
  %pair = cmpxchg ptr %helper, i64 {POSTED}, i64 {IDLE} seq_cst seq_cst
  %late = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %late, label %over, label %look
look:
  %looks = phi i64 [ 0, %each ], [ %more, %wait ], [ 0, %pass ]
  %state = load atomic i64, ptr %helper acquire, align 8
  %idle = icmp eq i64 %state, {IDLE}
  br i1 %idle, label %over, label %wait
wait:
  PAUSE
  %more = add i64 %looks, 1
  %patient = icmp ult i64 %more, {WAITS}
  br i1 %patient, label %look, label %pass
pass:
  %y = call i32 @sched_yield()
  br label %look
over:
  %next = add i64 %i, 1
  %others = icmp ult i64 %next, %n
  br i1 %others, label %each, label %done
done:
  store atomic i64 0, ptr %team release, align 8
  ret void
}}
"""


def source() -> str:
    """Write the module; to wait a moment is an instruction of its own on most processors."""
    name = platform.machine().lower()
    if name in ("x86_64", "amd64"):
        pause, declared = "call void @llvm.x86.sse2.pause()", "declare void @llvm.x86.sse2.pause()"
    else:
        pause, declared = "fence seq_cst", ""
    return TEXT.replace("PAUSE_DECLARATION", declared).replace("PAUSE", pause)


def helpers() -> int:
    """Tell how many threads are wanted beside the caller's: one a processor, as BLAS is told."""
    if os.name != "posix":
        return 0
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        processors = os.cpu_count() or 1
    wanted = blas.threads() or processors
    return max(0, min(processors, wanted, quota(), MOST + 1) - 1)


def quota() -> int:
    """Tell how many processors' time a container may take; many if nothing limits it."""
    try:
        with open(QUOTA, encoding="ascii") as file:
            share, period = file.read().split()
        return max(1, round(int(share) / int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return MOST + 1


class Pool:
    """The team: its memory, its code, its threads."""

    def __init__(self, count: int = 1) -> None:
        from . import link

        self.linked = link.linked(source(), ["helper", "start", "finish"])
        self._raw = ctypes.create_string_buffer(FIRST + BYTES * count + 64)
        self.address = -(-ctypes.addressof(self._raw) // 64) * 64
        self._system: Any = ctypes.CDLL(None)
        self._threads: list[Any] = []
        create = self._system.pthread_create
        create.argtypes = [ctypes.c_void_p] * 4
        for place in range(count):
            me = self.address + FIRST + BYTES * place
            for name, at in (("pthread_mutex_init", MUTEX), ("pthread_cond_init", CONDITION)):
                getattr(self._system, name)(ctypes.c_void_p(me + at), None)
            ctypes.c_void_p.from_address(me + TEAM).value = self.address
            thread = ctypes.c_void_p()
            if create(ctypes.byref(thread), None, self.linked.addresses["helper"], me):
                break  # no more threads to be had
            self._threads.append(thread)
        self.alive = bool(self._threads)
        self.word(COUNT).value = len(self._threads)
        self.word(OWNED).value = not self.alive  # 1: nobody will ever own it

    def word(self, at: int) -> ctypes.c_int64:
        """Give a word of the team's memory."""
        return ctypes.c_int64.from_address(self.address + at)

    def stop(self) -> None:
        """Let the threads end, and wait for that."""
        if not self.alive:
            return
        self.alive = False
        self.word(STOP).value = 1
        for place, thread in enumerate(self._threads):
            me = self.address + FIRST + BYTES * place
            mutex, condition = (ctypes.c_void_p(me + at) for at in (MUTEX, CONDITION))
            self._system.pthread_mutex_lock(mutex)
            self._system.pthread_cond_signal(condition)
            self._system.pthread_mutex_unlock(mutex)
            self._system.pthread_join(thread, None)
        self.word(OWNED).value = 1

    def forget(self) -> None:
        """Do without, in a forked child."""
        self.alive = False
        self.word(OWNED).value = 1


_pool: list[Pool] = []
_gone: list[Pool] = []
_lock = Lock()


def wanted() -> bool:
    """Tell whether the helpers' code will be asked for."""
    return not _pool and helpers() > 0


def pool() -> Pool | None:
    """Give the team, started if it is not yet; None where there should be none."""
    count = helpers()
    if not count:
        return None
    with _lock:
        if not _pool:
            made = Pool(count)
            _pool.append(made)
            atexit.register(made.stop)
            if not _gone:
                os.register_at_fork(after_in_child=_forked)
    return _pool[0] if _pool[0].alive else None


def _forked() -> None:
    for made in _pool:
        made.forget()
    _gone.extend(_pool)  # tables still point there
    _pool.clear()


def addresses(wanted: bool) -> dict[str, int]:
    """Give what the slots of a table hold: zeros where there is no helper."""
    found = pool() if wanted else None
    if found is None:
        return {"pool": 0, "start": 0, "finish": 0}
    return {"pool": found.address, "start": found.linked.addresses["start"],
            "finish": found.linked.addresses["finish"]}
