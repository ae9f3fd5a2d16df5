"""A recorded computation: what `compile` records, improves, and replays.

operations.py has the few operations that are not NumPy functions; program.py the Program, printable
and checked; trace.py records one through NumPy's protocols; passes.py improves it; replay.py runs
it through NumPy; native/ makes one native function of it. May import autograd and what lies below.
"""
