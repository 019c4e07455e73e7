"""Commands about peers: add, list, show, remove, services, policy, enable, disable; call.

Verification, keys and addresses stand in peer_trust.py.

Source: RULES 1.8, R15-R18, R22.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import click

from keys.certificate import check_subject, load
from mnet.call_errors import CallError
from mnet.protocol import (
    APPLICATIONS,
    DEFAULT_APPLICATION,
    SERVICE_IDP,
    SERVICE_SIS,
    SERVICE_SP,
    SERVICES,
)
from mnet.stored_sentences import localized
from peers import audit, bootstrap, cautions, changes, journal, store, typed, verify_rules
from peers.audit import By
from peers.policy import PeerPolicy
from peers.registry import Peer
from peers.store import StoredPeer
from schooltool_bridge.cli.lazy_group import LazyGroup
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.server.app import App, end_at_peers, in_reactor
from schooltool_bridge.sign_on import jump_rights


@click.group(cls=LazyGroup)
def peer() -> None:
    """Register, look at, configure and remove peers."""


@peer.command()
@click.argument("wwwroot")
@click.option("--application", type=click.Choice(list(APPLICATIONS)), help="Tried out if not said.")
@click.option("--fingerprint", help="Add only when the certificate's SHA-256 is this.")
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the certificate from a file instead of asking the site.",
)
@click.option("--yes", is_flag=True, help="Do not ask; the peer is enabled at once.")
@common
def add(
    command: Command,
    wwwroot: str,
    application: str | None,
    fingerprint: str | None,
    certificate: Path | None,
    yes: bool,  # noqa: FBT001 - click's
) -> None:
    """Register the site at WWWROOT as a peer."""
    wwwroot = typed.wwwroot(wwwroot)
    with command.app() as app:
        with app.database.read() as connection:
            changes.check_free(connection, wwwroot, app.settings.wwwroot)
        found = found_site(app, wwwroot, application, certificate)
        ends_unix_s = found.certificate.not_after_unix_s
        for warning in cautions.of_site(wwwroot, ends_unix_s, int(app.clock())):
            click.echo(f"Warning: {warning}", err=True)
        confirm(found, fingerprint, ask=not yes)
        with app.database.write() as connection:
            changes.add_peer(
                connection,
                By(audit.COMMAND_LINE, int(app.clock())),
                wwwroot=wwwroot,
                our_wwwroot=app.settings.wwwroot,
                name=found.name,
                application=found.application.name,
                certificate=found.certificate,
                origin="file" if certificate else "keyswap",
            )
        row = peer_row(app, wwwroot)
    is_mahara = found.application is APPLICATIONS["mahara"]
    first = f"{SERVICE_IDP},{SERVICE_SP}" if is_mahara else SERVICE_SIS
    command.show(
        row,
        f"Added {wwwroot}. Next: mnet-peer peer services {wwwroot} "
        f"--publish {first} --subscribe {first}",
    )


def found_site(
    app: App,
    wwwroot: str,
    application: str | None,
    certificate: Path | None,
    *,
    verify_tls: bool = True,
) -> bootstrap.Found:
    """Ask a site for its name and certificate, or read that from a file."""
    if certificate is None:
        try:
            return in_reactor(
                lambda: bootstrap.discover(
                    app.outbound,
                    app.transport,
                    wwwroot,
                    application=application,
                    verify_tls=verify_tls,
                )
            )
        except CallError as problem:
            kind = APPLICATIONS[application] if application else DEFAULT_APPLICATION
            sentence = verify_rules.with_advice(
                problem, wwwroot=wwwroot, application=kind, ours=app.settings.wwwroot
            )
            raise CommandError(localized(sentence)) from problem
    given = load(certificate.read_text("ascii", "replace"))
    check_subject(given, wwwroot)
    return bootstrap.Found(wwwroot, wwwroot, APPLICATIONS[application or "moodle"], given)


def confirm(found: bootstrap.Found, fingerprint: str | None, *, ask: bool) -> None:
    """See that a certificate is the one that was named, and ask whether it is the site's own.

    Raises CommandError on a mismatch, click.Abort on a no.
    """
    certificate = found.certificate
    if fingerprint and typed.fingerprint(fingerprint) != certificate.fingerprint:
        raise CommandError(
            f"The site gives out a certificate with fingerprint "
            f"{typed.as_openssl_prints(certificate.fingerprint)}, not the one that you named. "
            "Nothing was changed."
        )
    if not ask:
        return
    click.echo(
        f"Found: {found.name} ({found.application.name}) at {found.wwwroot}\n"
        f"Certificate SHA-256: {typed.as_openssl_prints(certificate.fingerprint)}\n"
        f"valid until: {iso_or_none(certificate.not_after_unix_s) or 'unknown'}\n"
        "A Moodle shows its certificate under Site administration > Networking > Settings. Save "
        "that text as moodle.pem and compare the fingerprint that this prints:\n"
        "openssl x509 -in moodle.pem -noout -fingerprint -sha256",
        err=True,
    )
    click.confirm("Is it the right one?", abort=True, err=True)


@peer.command("list")
@common
def list_(command: Command) -> None:
    """List the peers."""
    with command.app() as app:
        with app.database.read() as connection:
            wwwroots = [p.wwwroot for p in store.all_peers(connection) if p.state != store.DELETED]
        rows = [peer_row(app, wwwroot) for wwwroot in wwwroots]
        for row in rows:
            for warning in _expiry_warning(app, row):
                click.echo(f"Warning: {row['wwwroot']}: {warning}", err=True)
    columns = ("wwwroot", "name", "application", "state", "key_expires", "published", "subscribed")
    command.show_table(
        rows, columns, "There are no peers yet; add one with: mnet-peer peer add URL."
    )


@peer.command()
@click.argument("wwwroot")
@common
def show(command: Command, wwwroot: str) -> None:
    """Show one peer."""
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        row = peer_row(app, stored.wwwroot)
        offered = stored.certificate(store.OFFERED)
        row |= {
            "label": stored.label,
            "aliases": list(stored.aliases),
            "dialect": stored.dialect,
            "policy": dict(stored.policy),
            "offered_fingerprint": offered.fingerprint if offered else None,
        }
        for warning in _expiry_warning(app, row):
            click.echo(f"Warning: {warning}", err=True)
    if offered:
        click.echo(
            "Warning: a new key waits for your decision: mnet-peer peer accept-key "
            f"{stored.wwwroot} --fingerprint {offered.fingerprint}",
            err=True,
        )
    lines = (f"{name.replace('_', ' ')}: {_words(value)}" for name, value in row.items())
    command.show(row, "\n".join(lines))


@peer.command()
@click.argument("wwwroot")
@common
def remove(command: Command, wwwroot: str) -> None:
    """Remove a peer: its rights end at once, what it brought stays."""
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        with app.database.write() as connection:
            changes.remove_peer(connection, By(audit.COMMAND_LINE, int(app.clock())), stored.id)
    command.show({"wwwroot": stored.wwwroot, "state": store.DELETED}, f"Removed {stored.wwwroot}.")


@peer.command()
@click.argument("wwwroot")
@click.option("--publish", help="What the peer may call here, with commas; replaces the list.")
@click.option("--subscribe", help="What we call there, with commas; replaces the list.")
@common
def services(command: Command, wwwroot: str, publish: str | None, subscribe: str | None) -> None:
    """Show or replace what is published to a peer and subscribed from it."""
    wanted = [_services(publish), _services(subscribe)]
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        if publish is not None or subscribe is not None:
            with app.database.write() as connection:
                stored = changes.set_services(
                    connection,
                    By(audit.COMMAND_LINE, int(app.clock())),
                    stored.id,
                    publish=wanted[0],
                    subscribe=wanted[1],
                )
    published, subscribed = sorted(stored.published), sorted(stored.subscribed)
    command.show(
        {"wwwroot": stored.wwwroot, "published": published, "subscribed": subscribed},
        f"Published to it: {', '.join(published) or 'nothing'}\n"
        f"Subscribed from it: {', '.join(subscribed) or 'nothing'}\n"
        "On the other side the same services must be ticked the other way round: what we publish "
        "they subscribe, what we subscribe they publish.",
    )


@peer.command()
@click.argument("wwwroot")
@click.option("--set", "wanted", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@common
def policy(command: Command, wwwroot: str, wanted: tuple[str, ...]) -> None:
    """Show or change the policy of a peer."""
    values: dict[str, str] = {}
    for change in wanted:
        key, equals, value = change.partition("=")
        if not equals:
            raise CommandError(f"--set takes KEY=VALUE, not {change!r}.")
        values[key.strip()] = value.strip()
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        effective = PeerPolicy.from_stored(stored.policy)
        if values:
            with app.database.write() as connection:
                effective = changes.set_policy(
                    connection, By(audit.COMMAND_LINE, int(app.clock())), stored.id, values=values
                )
                visits = jump_rights.enforce(connection, stored.id)
            end_at_peers(app, visits)
    shown = {name: getattr(effective, name) for name in PeerPolicy.__slots__}
    shown["roles"] = dict(effective.roles)
    command.show(shown, "\n".join(f"{name}: {_words(value)}" for name, value in shown.items()))


def _switch(command: Command, wwwroot: str, *, enabled: bool) -> None:
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        with app.database.write() as connection:
            changes.set_enabled(
                connection, By(audit.COMMAND_LINE, int(app.clock())), stored.id, enabled=enabled
            )
    state = store.ENABLED if enabled else store.DISABLED
    command.show({"wwwroot": stored.wwwroot, "state": state}, f"{stored.wwwroot} is {state}.")


@peer.command()
@click.argument("wwwroot")
@common
def enable(command: Command, wwwroot: str) -> None:
    """Take events from a peer again."""
    _switch(command, wwwroot, enabled=True)


@peer.command()
@click.argument("wwwroot")
@common
def disable(command: Command, wwwroot: str) -> None:
    """Refuse a peer's events (fault 8403) until it is enabled."""
    _switch(command, wwwroot, enabled=False)


@click.command()
@click.argument("wwwroot")
@click.argument("method")
@click.argument("params", required=False, default="[]", metavar="[JSON-PARAMS]")
@common
def call(command: Command, wwwroot: str, method: str, params: str) -> None:
    """Call METHOD on a peer and print its answer.

    JSON-PARAMS is a list of the parameters, such as '["alice", {"idnumber": "1"}]'.
    """
    try:
        values = json.loads(params)
    except ValueError as problem:
        raise click.UsageError(f"JSON-PARAMS is no JSON: {problem}.") from None
    with command.app() as app:
        callee = known_peer(app, wwwroot)
        answer = in_reactor(
            lambda: app.outbound.call(
                callee, method, values if isinstance(values, list) else [values]
            )
        )
    text = json.dumps(answer, ensure_ascii=False, indent=2, default=_plain)
    click.echo(text)


def _plain(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def known_peer(app: App, wwwroot: str) -> Peer:
    """Return a usable peer; raises CommandError."""
    found = app.registry.find(stored_peer(app, wwwroot).wwwroot)
    if found is None:
        raise CommandError(f"{wwwroot} has no certificate yet.")
    return found


def stored_peer(app: App, wwwroot: str) -> StoredPeer:
    """Return a peer's rows; raises CommandError when there is none."""
    with app.database.read() as connection:
        stored = store.find(connection, typed.wwwroot(wwwroot))
    if stored is None or stored.state == store.DELETED:
        raise CommandError(f"There is no peer {wwwroot}; see: mnet-peer peer list.")
    return stored


def peer_row(app: App, wwwroot: str) -> dict[str, object]:
    """Return a peer's row in lists."""
    with app.database.read() as connection:
        stored = store.find(connection, wwwroot)
        assert stored is not None
        last_contact = journal.last_contact(connection, stored.id)
    current = stored.certificate()
    return {
        "wwwroot": stored.wwwroot,
        "name": stored.name,
        "application": stored.application,
        "state": stored.state,
        "fingerprint": current.fingerprint if current else None,
        "key_expires": iso_or_none(load(current.pem).not_after_unix_s) if current else None,
        "published": sorted(stored.published),
        "subscribed": sorted(stored.subscribed),
        "last_contact": iso_or_none(last_contact),
    }


def _expiry_warning(app: App, row: dict[str, object]) -> list[str]:
    with app.database.read() as connection:
        stored = store.find(connection, str(row["wwwroot"]))
    current = stored.certificate() if stored else None
    if current is None:
        return []
    return cautions.of_certificate(load(current.pem).not_after_unix_s, int(app.clock()))


def _services(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SERVICES]
    if unknown:
        raise click.UsageError(
            f"There is no service {unknown[0]!r}; there are: {', '.join(SERVICES)}."
        )
    return names


def iso_or_none(unix_s: int | None) -> str | None:
    """A moment, where there is one."""
    return None if unix_s is None else iso(unix_s)


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return str(value) if value not in (None, "") else "-"
