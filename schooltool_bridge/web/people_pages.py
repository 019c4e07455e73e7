"""The school's people in the browser: found by name, role, peer and right; rights for many.

An order for many is shown in words first, and carried out only when it is still about the same
people. One person's page: person_pages.py. Source: RULES 1.7, R29, R30.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from mnet.folding import MAX_SEARCH_CHARS
from mnet.language import N_, _, ngettext
from mnet.stored_sentences import E_, english, joined
from peers import store
from peers.accounts import CLERK
from peers.policy import OTHER, SCHOOL_ROLES, STUDENT, TEACHER
from peers.web.list_files import ListFiles
from peers.web.lists import Asked, Column, Found, ListOf
from peers.web.lists import Order as SortedBy
from peers.web.view import SCHOOL_GROUP, Reply, Route, Tab, View, page
from schooltool_bridge.history import linked
from schooltool_bridge.history.linked import Linked
from schooltool_bridge.people import bulk_rights, people_list, people_order
from schooltool_bridge.people.bulk_rights import GO, LINK, OWN, BadOrder, Order
from schooltool_bridge.people.people_list import MAY, MAY_NOT, RIGHTS, WAITS, PersonRow
from schooltool_bridge.people.people_list import PeopleFilter as Filter
from schooltool_bridge.school.labels import ROLES
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import jump_rights
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web import filters
from schooltool_bridge.web.filters import PeerChoice

PEOPLE = "/admin/people"
ROLE_WORDS = {STUDENT: E_("Students"), TEACHER: E_("Teachers"), OTHER: E_("Neither, now")}
NUMBER_WORDS = {"none": E_("Has none")}
LINKED_WORDS = {"no": E_("Not linked")}
ASKED = ("search", "role", "peer", "right", "number", "linked")
RIGHT_WORDS = {
    MAY: E_("May sign in"),
    MAY_NOT: E_("May not sign in"),
    WAITS: E_("A new link waits"),
}
_FILTERS = {
    "search": N_("search"),
    "role": N_("role"),
    "peer": N_("peer"),
    "right": N_("right"),
    "number": N_("number"),
    "linked": N_("linked"),
}
_RECORDED = {
    "search": E_("search %(part)s"),
    "role": E_("role %(our_value)s"),
    "peer": E_("peer %(part)s"),
    "right": E_("right %(our_value)s"),
    "number": E_("number %(our_value)s"),
    "linked": E_("linked %(our_value)s"),
}
_VALUES = {
    "role": ROLE_WORDS,
    "right": RIGHT_WORDS,
    "number": NUMBER_WORDS,
    "linked": LINKED_WORDS,
}
Choices = list[tuple[str, list[tuple[str, str]]]]
# Somebody, and with which peers they are linked.
Line = tuple[PersonRow, Linked]


class PeoplePages:
    """The list of people, and what is done to many of them."""

    def __init__(self, parts: Parts, signing_off: SigningOff) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._signing_off = signing_off
        self._files = ListFiles(
            parts.database, LIST, CLERK, lambda c, view: _found(c, view, view.query)
        )

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(PEOPLE, self.found, CLERK),
            Route(PEOPLE, self.change, CLERK, ("POST",)),
            *self._files.routes(),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("People"), PEOPLE, CLERK, SCHOOL_GROUP)]

    def found(self, view: View) -> Reply:
        """Show the people whom a filter finds."""
        return LIST.chosen(view) or self._list(view, view.query)

    def change(self, view: View) -> Reply:
        """Show what an order is about, or carry it out when that was confirmed."""
        asked = {name: view.text(name) for name in (*ASKED, "do")}
        picked = [i for text in view.all("person") if (i := filters.row_id(text)) is not None]
        everybody = view.ticked("everybody")
        confirmed = view.text("confirmed")
        if not picked and not everybody:
            problem_text = _("Tick the people first, or all that were found.")
            return self._list(view, asked, problem=problem_text)
        try:
            order = Order.read(asked["do"])
            with self._parts.database.read() as connection:
                wanted = _filter(connection, asked)[0]
            with self._parts.database.write() as connection:
                ids = (
                    people_list.ids(connection, wanted)
                    if everybody
                    else bulk_rights.existing(connection, picked)
                )
                seen = bulk_rights.preview(connection, order, ids)
                words = _in_words(connection, order)
                if seen.people and seen.digest == confirmed:
                    how: dict[str, object] = (
                        {"filter": _recorded(asked) or N_("everybody")}
                        if everybody
                        else {"persons": ids}
                    )
                    change = Change(view.who, view.now_unix_s)
                    done = bulk_rights.carry_out(connection, change, order, ids, how)
                    note = _(
                        "Done for %(people)s: %(order)s.", people=people(done.people), order=words
                    )
                    back = PEOPLE + filters.query(**_filter_values(asked))
                    return Reply(
                        status=303,
                        location=back,
                        note=note,
                        afterwards=tuple(self._signing_off.ending(done.visits)),
                    )
        except BadOrder as problem:
            return self._list(view, asked, problem=str(problem))
        return page(
            "people_confirm.html",
            seen=seen,
            order=order,
            words=words,
            picked=[] if everybody else ids,
            asked=asked,
            filter_text=_filter_text(asked),
            was_confirmed=bool(confirmed),
            back=PEOPLE + filters.query(**_filter_values(asked)),
            people=people,
            is_link=order.right == LINK,
        )

    def _list(self, view: View, asked: Mapping[str, str], *, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            listed, found = _found(connection, view, asked)
            shown = listed.shown(found.total)
            lines = list(found.rows(shown.offset, shown.limit))
            choices = filters.peer_choices(connection)
            orders = order_choices(connection, choices)
        filter_values = _filter_values(asked)
        return page(
            "people.html",
            status=400 if problem else 200,
            problem=problem,
            rows=[row for row, _linked in lines],
            list=shown,
            total=shown.total,
            asked={name: filter_values.get(name, "") for name in ASKED},
            is_filtered=bool(filter_values),
            peers=choices,
            roles=_local_words(ROLE_WORDS),
            rights=_local_words(RIGHT_WORDS),
            numbers=_local_words(NUMBER_WORDS),
            linked_words=_local_words(LINKED_WORDS),
            linked={row.id: link for row, link in lines},
            role_words=role_words,
            orders=orders,
            people=people,
        )


def order_choices(connection: Connection, choices: list[PeerChoice]) -> Choices:
    """Return what can be done to people: headings, each with orders and their words."""
    linked = [(p.id, p.name) for p in choices if not p.is_removed]
    open_ones = {p.id for p in store.all_peers(connection) if jump_rights.takes_ours(p)}
    found: Choices = []
    for allowed, title in (
        (True, _("Give the right to sign in")),
        (False, _("Take the right to sign in")),
    ):
        ways = [(str(Order(LINK, allowed)), _("from every peer that knows them now"))]
        ways += [
            (str(Order(LINK, allowed, i)), _("from %(peer)s", peer=name)) for i, name in linked
        ]
        ways.append((str(Order(OWN, allowed)), _("by their own password")))
        found.append((title, ways))
    for allowed, title in ((True, _("Let go over")), (False, _("Keep from going over"))):
        ways = [
            (str(Order(GO, allowed, i)), _("to %(peer)s", peer=n))
            for i, n in linked
            if i in open_ones
        ]
        if ways:
            found.append((title, ways))
    return found


def role_words(roles: tuple[str, ...]) -> str:
    """Write what somebody is."""
    neither = _("neither student nor teacher now")
    return ", ".join(neither if r == OTHER else _(ROLES[r]) for r in roles)


def people(count: int) -> str:
    """Write how many people."""
    return ngettext("1 person", "%(num)s people", count)


def _found(
    connection: Connection, view: View, asked: Mapping[str, str]
) -> tuple[Asked[Line], Found[Line]]:
    """Find the people whom an address or form asks for, in the order that it asks for."""
    wanted, _choices = _filter(connection, asked)
    listed = LIST.asked(view, asked, **_filter_values(asked))
    order = listed.order

    def some(offset: int, limit: int) -> list[Line]:
        rows = people_list.page(
            connection, wanted, offset=offset, limit=limit, by=order.by, is_down=order.is_down
        )
        links = linked.of_people(connection, [row.id for row in rows])
        return [(row, links[row.id]) for row in rows]

    return listed, Found(people_list.count(connection, wanted), some)


def _rights_text(row: PersonRow) -> str:
    """Write by what somebody may sign in, for a file."""
    words = [
        "{} {}".format(
            _("yes") if link.can_login else _("waits for you") if link.waits else _("no"),
            _("from %(peer)s", peer=link.peer_name),
        )
        for link in row.links
    ]
    if row.has_password or row.can_login:
        words.append("{} {}".format(_("yes") if row.can_login else _("no"), _("by password")))
    return "; ".join(words)


# Each row is a box to tick; a form takes a few hundred.
LIST: ListOf[Line] = ListOf(
    "people",
    N_("People"),
    PEOPLE,
    (
        Column(people_order.NAME, N_("Person"), lambda line: line[0].name, is_fixed=True),
        Column(people_order.USERNAME, N_("User name"), lambda line: line[0].username),
        Column(people_order.IDNUMBER, N_("ID number"), lambda line: line[0].idnumber),
        Column(people_order.EMAIL, N_("Email"), lambda line: line[0].email, is_usual=False),
        Column(people_order.ROLE, N_("Is now"), lambda line: role_words(line[0].roles)),
        Column(people_order.LINKED, N_("Linked with"), lambda line: ", ".join(line[1].peers)),
        Column(people_order.RIGHT, N_("May sign in"), lambda line: _rights_text(line[0])),
    ),
    SortedBy(people_order.NAME),
)


def _filter(connection: Connection, asked: Mapping[str, str]) -> tuple[Filter, list[PeerChoice]]:
    """Read a filter; raises PageError (404) for a peer that never was."""
    choices = filters.peer_choices(connection)
    peer = filters.chosen_peer(choices, asked.get("peer", ""))
    filter_values = _filter_values(asked)
    wanted = Filter(
        search=filter_values.get("search", ""),
        role=filter_values.get("role", ""),
        peer_id=peer.id if peer else None,
        right=filter_values.get("right", ""),
        lacks_idnumber=bool(filter_values.get("number")),
        not_linked=bool(filter_values.get("linked")),
    )
    return wanted, choices


def _filter_values(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what counts of a filter in an address or form."""
    role, right = asked.get("role", ""), asked.get("right", "")
    found = {
        "search": asked.get("search", "").strip()[:MAX_SEARCH_CHARS],
        "role": role if role in SCHOOL_ROLES else "",
        "peer": asked.get("peer", ""),
        "right": right if right in RIGHTS else "",
        "number": "none" if asked.get("number") == "none" else "",
        "linked": "no" if asked.get("linked") == "no" else "",
    }
    return {name: value for name, value in found.items() if value}


def _filter_text(asked: Mapping[str, str]) -> str:
    """Write a filter, as the confirmation tells it."""
    words = _VALUES
    return "; ".join(
        f"{_(_FILTERS[name])} {_(words[name][value]) if name in words else value}"
        for name, value in _filter_values(asked).items()
    )


def _recorded(asked: Mapping[str, str]) -> str:
    """Write a filter as the audit trail keeps it, in English."""
    words = _VALUES
    return joined(
        E_("%(our_first)s; %(our_others)s"),
        [
            english(_RECORDED[name], part=value, our_value=words.get(name, {}).get(value, ""))
            for name, value in _filter_values(asked).items()
        ],
    )


def _local_words(choices: Mapping[str, str]) -> dict[str, str]:
    return {value: _(words) for value, words in choices.items()}


def _in_words(connection: Connection, order: Order) -> str:
    """Write what an order does."""
    peer = store.by_id(connection, order.peer_id) if order.peer_id is not None else None
    name = (peer.name or peer.wwwroot) if peer else ""
    if order.right == GO:
        if order.allowed:
            return _("let them go over to %(peer)s", peer=name)
        return _("keep them from going to %(peer)s", peer=name)
    if order.right == OWN:
        by = _("by their own password")
    else:
        by = _("from %(peer)s", peer=name) if name else _("from every peer that knows them now")
    if order.allowed:
        return _("give the right to sign in %(by)s", by=by)
    return _("take the right to sign in %(by)s", by=by)
