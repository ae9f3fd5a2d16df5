"""Files that hold what was learned: `tj.save`, `tj.load`, checkpoints; safetensors, never pickle.

`file.py` writes arrays whole or not at all and reads them back checked, `tree.py` turns nested
lists and dicts into arrays and text, `saving.py` saves models and `checkpoint.py` whole trainings.
May import: nn and below. The package safetensors is asked for when something is saved.
"""

from __future__ import annotations
