"""Where mnet-peer begins: Ctrl-C while it still loads ends it without a traceback."""

from __future__ import annotations

import sys

# As shells say that a program ended by Ctrl-C.
INTERRUPTED = 130


def main() -> None:
    """Run the command of the command line."""
    try:
        from schooltool_bridge.cli.main import main as command  # noqa: PLC0415 - it may be interrupted

        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
