"""Doing a run to its end: a sync, a preview or a confirmation.

Source: RULES 1.10.
"""

from __future__ import annotations

from schooltool_bridge.full_sync import confirming, previewing, runs
from schooltool_bridge.full_sync.runs import Run
from schooltool_bridge.full_sync.syncing import FullSync, Progress


def carry_out(sync: FullSync, run: Run, progress: Progress = lambda _run: None) -> Run:
    """Do a run that this process began to its end, and return it. Blocks."""
    try:
        if run.wanted.confirms is not None:
            return confirming.confirm(sync, run, progress)
        if run.wanted.is_preview:
            return previewing.preview(sync, run, progress)
        while run.state == runs.RUNNING:
            progress(run)
            run = sync.step(run)
        return run
    finally:
        sync.release(run)
