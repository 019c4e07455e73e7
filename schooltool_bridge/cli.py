"""The command mnet-peer: the list of its subcommands and where they stand, nothing else.

Source: requirements 1.8.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from mnet.observe import start_logging
from schooltool_bridge.app import VERSION
from schooltool_bridge.command import outer
from schooltool_bridge.lazy_group import LazyGroup

# Whatever a command writes is for whoever runs it: a school's grades, keys, settings.
OWNER_ONLY = 0o077
COMMANDS = {
    "admin": "cli_admins:admin",
    "audit": "cli_admins:audit_group",
    "bundle": "cli_calls:bundle",
    "call": "cli_peers:call",
    "calls": "cli_calls:calls",
    "check": "cli_site:check",
    "course": "cli_school:course",
    "database": "cli_site:database",
    "demo": "cli_demo:demo",
    "enrolment": "cli_records:enrolment",
    "export": "cli_oneroster:export_group",
    "grade": "cli_records:grade",
    "import": "cli_oneroster:import_group",
    "inbox": "cli_records:inbox",
    "init": "cli_site:init",
    "key": "cli_site:key",
    "notice": "cli_notices:notice",
    "peer": "cli_peers:peer",
    "person": "cli_records:person",
    "report": "cli_reports:report",
    "section": "cli_records:section",
    "serve": "cli_site:serve",
    "term": "cli_school:term",
    "year": "cli_school:year",
}
# Commands of a group that stand in another file than the group.
BELOW = {
    "peer": {
        "accept-key": "cli_peer_trust:accept_key",
        "alias": "cli_peer_trust:alias",
        "courses": "cli_courses:courses",
        "enrol": "cli_courses:enrol",
        "enrolled": "cli_courses:enrolled",
        "label": "cli_peer_trust:label",
        "pending": "cli_peer_trust:pending",
        "rename": "cli_peer_trust:rename",
        "sharing": "cli_calls:sharing_of",
        "unenrol": "cli_courses:unenrol",
        "verify": "cli_peer_trust:verify",
    },
    "person": {
        "add": "cli_identity:add",
        "allow-jump": "cli_people:allow_jump",
        "allow-login": "cli_people:allow_login",
        "change": "cli_identity:change",
        "deny-jump": "cli_people:deny_jump",
        "deny-login": "cli_people:deny_login",
        "erase": "cli_person_data:erase",
        "export": "cli_person_data:export",
        "merge": "cli_identity:merge",
        "set-password": "cli_people:set_password",
        "staff": "cli_person_data:staff",
        "unmerge": "cli_identity:unmerge",
    },
    "section": {
        "accept": "cli_closing:accept_section",
        "close": "cli_closing:close_section",
        "file": "cli_school:file_sections",
        "import-assessments": "cli_gradebook:import_assessments",
        "join-assessments": "cli_joining:join_assessments",
        "joined": "cli_closing:section_joined",
        "link": "cli_school:link_section",
        "proposals": "cli_closing:section_proposals",
        "unlink": "cli_school:unlink_section",
    },
    "inbox": {"resolve": "cli_identity:resolve"},
    "term": {
        "accept": "cli_closing:accept_term",
        "close": "cli_closing:close_term",
        "joined": "cli_closing:term_joined",
        "proposals": "cli_closing:term_proposals",
        "reopen": "cli_closing:reopen_term",
    },
    "report": {
        "check": "cli_issuing:check_report",
        "issue": "cli_issuing:issue_report",
        "issued": "cli_issuing:issued_list",
        "reprint": "cli_issuing:reprint",
    },
}


@click.group(cls=LazyGroup)
@click.version_option(VERSION, prog_name="mnet-peer")
@click.option("--home", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def main(context: click.Context, home: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Connect a school's student information system with its Moodles.

    The data folder is --home, else MNET_PEER_HOME, else .mnet-peer in the current folder.
    """
    os.umask(OWNER_ONLY)
    start_logging(quiet=context.invoked_subcommand != "serve")
    context.obj = outer(home, as_json=as_json)


main.later(COMMANDS, BELOW)

if __name__ == "__main__":
    main()
