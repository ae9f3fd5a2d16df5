"""The calculus: one `rule(...)` an operation, in plain NumPy.

May import: `vocabulary` and the standard library's math, nothing above. Inside a pull there is no
mutation, no creation but `np.zeros_like(g, shape=...)` and its kin, and constants are Python's.
To add an operation, write its rule in the file of its family; nothing else need be touched.
"""

from . import calls as calls
from . import constants as constants
from . import contraction as contraction
from . import einsum as einsum
from . import elementwise as elementwise
from . import index as index
from . import joining as joining
from . import linalg as linalg
from . import loss as loss
from . import normalization as normalization
from . import norms as norms
from . import polynomial as polynomial
from . import probability as probability
from . import reduction as reduction
from . import series as series
from . import shape as shape
from . import statistics as statistics
