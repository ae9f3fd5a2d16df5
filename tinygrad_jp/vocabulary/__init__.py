"""The words that everything else is written in: rules, calls, primitives, domains.

May import: NumPy, the standard library and `errors`. To add an operation that NumPy has,
write its `rule(...)` in `rules/`; one that NumPy lacks starts as a function in `primitives.py`.
"""
