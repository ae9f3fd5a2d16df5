"""The gradient doctor: what keeps a network from learning, where, and what to do about it.

chart.py says what the graph is in the doctor's terms; signals.py, structure.py and weights.py each
know some illnesses, as functions from a Chart to Findings; diagnosis.py is `tj.diagnose`, and
report.py shows what was found.
"""

from __future__ import annotations

from .diagnosis import diagnose
from .finding import Finding
from .report import Diagnosis

__all__ = ["Diagnosis", "Finding", "diagnose"]
