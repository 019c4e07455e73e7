"""The command mnet-peer: the list of its subcommands and where they stand, nothing else.

Source: RULES 1.8.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from mnet.logs import start_logging
from schooltool_bridge.cli.lazy_group import LazyGroup
from schooltool_bridge.cli.shared import outer
from schooltool_bridge.server.parts import VERSION

# Whatever a command writes is for whoever runs it: a school's grades, keys, settings.
OWNER_ONLY = 0o077
COMMANDS = {
    "admin": "admins:admin",
    "audit": "admins:audit_group",
    "bundle": "calls:bundle",
    "call": "peers:call",
    "calls": "calls:calls",
    "check": "site:check",
    "course": "school:course",
    "database": "site:database",
    "demo": "demo:demo",
    "enrolment": "records:enrolment",
    "export": "oneroster:export_group",
    "first-steps": "site:steps",
    "grade": "records:grade",
    "import": "oneroster:import_group",
    "inbox": "records:inbox",
    "init": "site:init",
    "key": "site:key",
    "letterhead": "letterheads:letterhead",
    "notice": "notices:notice",
    "peer": "peers:peer",
    "person": "records:person",
    "plugin": "plugins:plugin",
    "report": "reports:report",
    "scale": "scales:scale",
    "section": "records:section",
    "serve": "site:serve",
    "service": "service:service",
    "settings": "settings:settings",
    "sync": "syncing:sync",
    "term": "school:term",
    "year": "school:year",
}
# Commands of a group that stand in another file than the group.
BELOW = {
    "peer": {
        "accept-key": "peer_trust:accept_key",
        "alias": "peer_trust:alias",
        "courses": "courses:courses",
        "enrol": "courses:enrol",
        "enrolled": "courses:enrolled",
        "label": "peer_trust:label",
        "pending": "peer_trust:pending",
        "rename": "peer_trust:rename",
        "sharing": "calls:sharing_of",
        "unenrol": "courses:unenrol",
        "verify": "peer_trust:verify",
    },
    "person": {
        "add": "identity:add",
        "allow-jump": "people:allow_jump",
        "allow-login": "people:allow_login",
        "change": "identity:change",
        "deny-jump": "people:deny_jump",
        "deny-login": "people:deny_login",
        "erase": "person_data:erase",
        "export": "person_data:export",
        "merge": "identity:merge",
        "invite": "people:invite",
        "set-password": "people:set_password",
        "staff": "person_data:staff",
        "unlink-peer": "unlinking:unlink_person",
        "unmerge": "identity:unmerge",
    },
    "section": {
        "accept": "closing:accept_section",
        "approve": "new_sections:approve",
        "bring-back": "own_sections:bring_back",
        "close": "closing:close_section",
        "decline": "new_sections:decline",
        "enrol-list": "own_sections:enrol_list",
        "file": "school:file_sections",
        "file-suggested": "filing:file_suggested",
        "import-assessments": "gradebook:import_assessments",
        "join": "joining_sections:join",
        "join-assessments": "joining:join_assessments",
        "join-exact": "joining_sections:join_exact",
        "joined": "closing:section_joined",
        "link": "school:link_section",
        "not-same": "joining_sections:not_same",
        "proposals": "closing:section_proposals",
        "remove": "own_sections:remove",
        "rename": "own_sections:rename",
        "suggestions": "joining_sections:suggestions",
        "take-apart": "joining_sections:take_apart",
        "unlink": "school:unlink_section",
        "unlink-peer": "unlinking:unlink_peer",
        "waiting": "new_sections:waiting",
        "weights": "school:section_weights",
    },
    "inbox": {"resolve": "identity:resolve"},
    "term": {
        "accept": "closing:accept_term",
        "close": "closing:close_term",
        "joined": "closing:term_joined",
        "proposals": "closing:term_proposals",
        "reopen": "closing:reopen_term",
    },
    "report": {
        "cancel": "printing:cancel",
        "check": "issuing:check_report",
        "issue": "issuing:issue_report",
        "issued": "issuing:issued_list",
        "print": "printing:print_",
        "printed": "printing:printed",
        "prints": "printing:prints",
        "reprint": "issuing:reprint",
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
