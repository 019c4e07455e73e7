"""The command mnet-peer: the list of its subcommands, nothing else.

Source: requirements 1.8.
"""

from __future__ import annotations

from pathlib import Path

import click

from mnet.observe import start_logging
from schooltool_bridge.app import VERSION
from schooltool_bridge.cli_admins import admin, audit_group
from schooltool_bridge.cli_calls import bundle, calls, sharing_of
from schooltool_bridge.cli_closing import (
    accept_section,
    accept_term,
    close_section,
    close_term,
    reopen_term,
    section_proposals,
    term_proposals,
)
from schooltool_bridge.cli_courses import courses, enrol, enrolled, unenrol
from schooltool_bridge.cli_demo import demo
from schooltool_bridge.cli_gradebook import import_assessments
from schooltool_bridge.cli_identity import add, change, merge, resolve, unmerge
from schooltool_bridge.cli_issuing import check_report, issue_report, issued_list, reprint
from schooltool_bridge.cli_notices import notice
from schooltool_bridge.cli_oneroster import export_group, import_group
from schooltool_bridge.cli_peer_trust import accept_key, alias, label, pending, rename, verify
from schooltool_bridge.cli_peers import call, peer
from schooltool_bridge.cli_people import (
    allow_jump,
    allow_login,
    deny_jump,
    deny_login,
    set_password,
)
from schooltool_bridge.cli_person_data import erase, export, staff
from schooltool_bridge.cli_records import enrolment, grade, inbox, person, section
from schooltool_bridge.cli_reports import report
from schooltool_bridge.cli_school import (
    course,
    file_sections,
    link_section,
    term,
    unlink_section,
    year,
)
from schooltool_bridge.cli_site import check, database, init, key, serve
from schooltool_bridge.command import outer


@click.group()
@click.version_option(VERSION, prog_name="mnet-peer")
@click.option("--home", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def main(context: click.Context, home: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Connect a school's student information system with its Moodles.

    The data folder is --home, else MNET_PEER_HOME, else .mnet-peer in the current folder.
    """
    start_logging(quiet=context.invoked_subcommand != "serve")
    context.obj = outer(home, as_json=as_json)


for _command in (
    init, serve, check, peer, admin, key, call, person, section, enrolment, grade, inbox,
    calls, bundle, audit_group, database, notice, demo, year, term, course, export_group,
    import_group, report,
):  # fmt: skip
    main.add_command(_command)

for _command in (
    verify, pending, accept_key, alias, rename, label, sharing_of,
    courses, enrolled, enrol, unenrol,
):  # fmt: skip
    peer.add_command(_command)

for _command in (
    allow_login,
    deny_login,
    allow_jump,
    deny_jump,
    set_password,
    staff,
    export,
    erase,
    add,
    change,
    merge,
    unmerge,
):
    person.add_command(_command)

for _command in (
    file_sections,
    link_section,
    unlink_section,
    close_section,
    section_proposals,
    accept_section,
    import_assessments,
):
    section.add_command(_command)

inbox.add_command(resolve)

for _command in (close_term, reopen_term, term_proposals, accept_term):
    term.add_command(_command)

for _command in (issue_report, issued_list, reprint, check_report):
    report.add_command(_command)

if __name__ == "__main__":
    main()
