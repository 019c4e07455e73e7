"""The command that writes the Moodle plugins, to be uploaded there.

Source: RULES 1.8, R93, R95.
"""

from __future__ import annotations

from pathlib import Path

import click

from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.server import moodle_plugins


@click.command()
@click.argument("file", metavar="FILE.zip", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--sign-on", is_flag=True, help="The one for signing on (Moodle from 5.0 on).")
@common
def plugin(command: Command, file: Path, sign_on: bool) -> None:  # noqa: FBT001 - click's
    """Write the plugin for a Moodle into FILE.zip.

    It is uploaded there under Site administration > Plugins > Install plugins.
    """
    packed = moodle_plugins.pack(moodle_plugins.SIGN_ON if sign_on else moodle_plugins.SIS)
    try:
        with file.open("xb") as out:
            out.write(packed.data)
    except FileExistsError:
        raise CommandError(f"{file} exists already; name another file.") from None
    command.show(
        {
            "file": str(file),
            "component": packed.component,
            "version": packed.version,
            "sha256": packed.sha256,
        },
        f"Wrote {file}: {packed.component} {packed.version}, SHA-256 {packed.sha256}.\n"
        "On the Moodle: Site administration > Plugins > Install plugins.",
    )
