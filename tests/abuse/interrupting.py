"""Errors raised in the middle of things, where a signal would raise KeyboardInterrupt."""

from __future__ import annotations

import dis
import os
import signal
import sys

import tinygrad_jp as tj

PACKAGE = os.path.dirname(tj.__file__) + os.sep


class BeforeInstruction:
    """Raises an error before the n-th instruction of the package that runs inside the block.

    since: count from the call of that function on.  files: how their names begin.
    """

    def __init__(self, error, at, since=None, files=(PACKAGE, "<tinygrad_jp")):
        self.error, self.at, self.since, self.files, self.seen = error, at, since, files, 0

    def _trace(self, frame, event, argument):
        if frame.f_code.co_name == self.since:
            self.since = None
        if frame.f_code.co_name == "_forget":  # of a weak reference: Python drops what that raises
            return None
        if not frame.f_code.co_filename.startswith(self.files):
            return None
        frame.f_trace_opcodes = True
        if self.comes(frame, event) and self.since is None:
            self.seen += 1
            if self.seen == self.at:
                raise self.error
        return self._trace

    def comes(self, frame, event):
        """Tell whether the error may come at this moment."""
        return event == "opcode"

    def __enter__(self):
        self.before = sys.gettrace()
        sys._getframe().f_trace_opcodes = True  # Python 3.12 looks for it when tracing begins
        sys.settrace(self._trace)
        return self

    def __exit__(self, kind, error, trace):
        sys.settrace(self.before)
        return error is self.error


class AsSignal(BeforeInstruction):
    """Raises it where Python looks for signals alone.

    That is where a function begins, where a loop turns, and behind a call: a `with` block that has
    taken a lock is sure to let go of it, though not to run an `__exit__` that is written in Python.
    """

    before_that = None, ""

    def comes(self, frame, event):
        name = dis.opname[frame.f_code.co_code[frame.f_lasti]] if event == "opcode" else ""
        last, self.before_that = self.before_that, (frame, name)
        is_behind = last[0] is frame and last[1].startswith("CALL") and event == "opcode"
        return event == "call" or is_behind or name.startswith("JUMP_BACKWARD")


def on_posix(test):
    """Leave a test out where there are no timers that signal (Windows)."""
    return test if hasattr(signal, "setitimer") else None
