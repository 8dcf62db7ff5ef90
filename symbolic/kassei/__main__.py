"""The command ``kassei``, also as ``python -m kassei``, in an interpreter that hashes the same way in every run."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, in a new interpreter with ``PYTHONHASHSEED=0`` where this one has another.

    The order of a set of strings follows from their hashes, and with it how many steps SymPy takes and where counted
    work ends: without this two runs could leave a question open for different reasons.
    """
    if sys.flags.hash_randomization and os.environ.get("PYTHONHASHSEED") != "0" and sys.executable:
        os.environ["PYTHONHASHSEED"] = "0"
        if os.name == "posix":
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    try:
        from kassei.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)

    run()


if __name__ == "__main__":
    main()
