"""A second thread for the large loops, in native code: it needs no GIL, and no Python.

It looks out for work for some 90 µs, then sleeps. Work is a function that takes parts of a loop
until none is left, so both threads call it; one that comes too late finds nothing to do, and nobody
waits for it. There is one helper a process; who finds it busy works alone. None where there is but
one processor, where BLAS was told to keep to one thread (OPENBLAS_NUM_THREADS=1), and in a forked
child, which has no threads.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
from threading import Lock
from typing import Any

from . import blas

STATE, WORK, GIVEN, ASLEEP, STOP, OWNED = 0, 8, 16, 24, 32, 40  # bytes into its memory
MUTEX, CONDITION, BYTES = 64, 128, 256
IDLE, POSTED, TAKEN = 0, 1, 2
LOOKS = 2000  # some 90 µs: longer than what lies between the large loops of a step
WAITS = 4000  # looks before the processor is given to others

TEXT = f"""
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @sched_yield()
PAUSE_DECLARATION

define ptr @helper(ptr %pool) {{
entry:
  %work = getelementptr i8, ptr %pool, i64 {WORK}
  %given = getelementptr i8, ptr %pool, i64 {GIVEN}
  %asleep = getelementptr i8, ptr %pool, i64 {ASLEEP}
  %stop = getelementptr i8, ptr %pool, i64 {STOP}
  %mutex = getelementptr i8, ptr %pool, i64 {MUTEX}
  %condition = getelementptr i8, ptr %pool, i64 {CONDITION}
  br label %look
look:
  %n = phi i64 [ 0, %entry ], [ %more, %wait ], [ 0, %run ], [ 0, %wake ]
  %state = load atomic i64, ptr %pool seq_cst, align 8
  %posted = icmp eq i64 %state, {POSTED}
  br i1 %posted, label %take, label %wait
wait:
  PAUSE
  %more = add i64 %n, 1
  %patient = icmp ult i64 %more, {LOOKS}
  br i1 %patient, label %look, label %sleep
take:
  %pair = cmpxchg ptr %pool, i64 {POSTED}, i64 {TAKEN} seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %run, label %wait2
wait2:
  br label %sleep
run:
  %f = load ptr, ptr %work
  %x = load ptr, ptr %given
  call void %f(ptr %x)
  store atomic i64 {IDLE}, ptr %pool release, align 8
  br label %look
sleep:
  %locked = call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i64 1, ptr %asleep seq_cst, align 8
  br label %check
check:
  %now = load atomic i64, ptr %pool seq_cst, align 8
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

define i1 @start(ptr %pool, ptr %f, ptr %x) {{
entry:
  %owned = getelementptr i8, ptr %pool, i64 {OWNED}
  %was = atomicrmw xchg ptr %owned, i64 1 seq_cst
  %free = icmp eq i64 %was, 0
  br i1 %free, label %post, label %refuse
post:
  %work = getelementptr i8, ptr %pool, i64 {WORK}
  %given = getelementptr i8, ptr %pool, i64 {GIVEN}
  %asleep = getelementptr i8, ptr %pool, i64 {ASLEEP}
  store ptr %f, ptr %work
  store ptr %x, ptr %given
  store atomic i64 {POSTED}, ptr %pool seq_cst, align 8
  %dozing = load atomic i64, ptr %asleep seq_cst, align 8
  %sleeps = icmp ne i64 %dozing, 0
  br i1 %sleeps, label %wake, label %done
wake:
  %mutex = getelementptr i8, ptr %pool, i64 {MUTEX}
  %condition = getelementptr i8, ptr %pool, i64 {CONDITION}
  %a = call i32 @pthread_mutex_lock(ptr %mutex)
  %b = call i32 @pthread_cond_signal(ptr %condition)
  %c = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %done
done:
  ret i1 true
refuse:
  ret i1 false
}}

define void @finish(ptr %pool) {{
entry:
  %owned = getelementptr i8, ptr %pool, i64 {OWNED}
  %pair = cmpxchg ptr %pool, i64 {POSTED}, i64 {IDLE} seq_cst seq_cst
  %late = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %late, label %done, label %look
look:
  %n = phi i64 [ 0, %entry ], [ %more, %wait ], [ 0, %pass ]
  %state = load atomic i64, ptr %pool acquire, align 8
  %idle = icmp eq i64 %state, {IDLE}
  br i1 %idle, label %done, label %wait
wait:
  PAUSE
  %more = add i64 %n, 1
  %patient = icmp ult i64 %more, {WAITS}
  br i1 %patient, label %look, label %pass
pass:
  %y = call i32 @sched_yield()
  br label %look
done:
  store atomic i64 0, ptr %owned release, align 8
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


def allowed() -> bool:
    """Tell whether a second thread is wanted."""
    if os.name != "posix" or blas.threads() == 1:
        return False
    try:
        return len(os.sched_getaffinity(0)) > 1
    except AttributeError:  # macOS
        return (os.cpu_count() or 1) > 1


class Pool:
    """The helper: its memory, its code, its thread."""

    def __init__(self) -> None:
        from . import link

        self.linked = link.linked(source(), ["helper", "start", "finish"])
        self._raw = ctypes.create_string_buffer(BYTES + 64)
        self.address = -(-ctypes.addressof(self._raw) // 64) * 64
        system = ctypes.CDLL(None)
        for name, at in (("pthread_mutex_init", MUTEX), ("pthread_cond_init", CONDITION)):
            getattr(system, name)(ctypes.c_void_p(self.address + at), None)
        self._thread = ctypes.c_void_p()
        create = system.pthread_create
        create.argtypes = [ctypes.c_void_p] * 4
        failed = create(ctypes.byref(self._thread), None, self.linked.addresses["helper"],
                        self.address)
        self.alive = not failed
        self.word(OWNED).value = failed  # 1: nobody will ever own it
        self._system: Any = system

    def word(self, at: int) -> ctypes.c_int64:
        """Give a word of the pool's memory."""
        return ctypes.c_int64.from_address(self.address + at)

    def stop(self) -> None:
        """Let the thread end, and wait for that."""
        if not self.alive:
            return
        self.alive = False
        self.word(STOP).value = 1
        mutex, condition = (ctypes.c_void_p(self.address + at) for at in (MUTEX, CONDITION))
        self._system.pthread_mutex_lock(mutex)
        self._system.pthread_cond_signal(condition)
        self._system.pthread_mutex_unlock(mutex)
        self._system.pthread_join(self._thread, None)
        self.word(OWNED).value = 1

    def forget(self) -> None:
        """Do without, in a forked child."""
        self.alive = False
        self.word(OWNED).value = 1


_pool: list[Pool] = []
_gone: list[Pool] = []
_lock = Lock()


def wanted() -> bool:
    """Tell whether the helper's code will be asked for."""
    return not _pool and allowed()


def pool() -> Pool | None:
    """Give the helper, started if it is not yet; None where there should be none."""
    if not allowed():
        return None
    with _lock:
        if not _pool:
            made = Pool()
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
