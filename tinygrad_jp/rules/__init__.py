"""The calculus: one `rule(...)` an operation, in plain NumPy.

May import: `vocabulary` and the standard library's math, nothing above. Inside a pull there is no
mutation, no creation but `np.zeros_like(g, shape=...)` and its kin, and constants are Python's.
To add an operation, write its rule in the file of its family; nothing else need be touched.
"""

from . import elementwise as elementwise
from . import loss as loss
