"""What the tests of the Python package need. Import it first: without cffi it ends the program as skipped, by name."""

import sys

SKIPPED = 77

try:
    import cffi  # noqa: F401
except ImportError:
    print(f"skipped: {sys.executable} has no cffi; scripts/setup installs python3-cffi")
    sys.exit(SKIPPED)

try:
    import numpy
except ImportError:
    numpy = None

TINY = "machines/tiny.yaml"
SUMS = "models/sums"
WITHOUT_NUMPY = "NumPy is not here; scripts/setup installs python3-numpy"
