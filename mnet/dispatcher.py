"""Method names to functions, if this peer may call them. Knows neither wire nor store.

A method belongs to a service; a peer may call it when that service is published to it. System
methods need no service. Pure. Source: PROTOCOL.md sections 4 (names), 5 (system), 6 (services);
RULES R22, R23.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from mnet.faults import (
    BadMethodName,
    BadParameters,
    NotPublished,
    UnknownMethod,
    UnknownSystemMethod,
)
from mnet.protocol import API_VERSION, KEYSWAP
from mnet.xmlrpc import Value

# Moodle's own pattern: type/plugin/file.php/function or system/name (section 4).
NAME = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9/_.-]+(\.php/)?[A-Za-z0-9_-]+")
SYSTEM = "system/"
MAX_NAME_CHARS = 200

Context = TypeVar("Context")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as methodSignature tells it."""

    name: str
    type: str
    description: str


class Unfinished(NamedTuple):
    """What a method's work returns when its rest is for a transaction of its own.

    What was done so far is kept, and others' calls go between.
    """

    rest: Callable[[], Value | Unfinished]
    # What was done so far, in a sentence for whoever hears that the rest failed.
    done: str


@dataclass(frozen=True, slots=True)
class Method(Generic[Context]):
    """A function that peers may call.

    `prepare` returns what must be done before the transaction and may take its time (asking the
    peer back), None when that is nothing; what comes of it replaces the parameters.
    `run` does the work inside the transaction. Where `is_long` it does not go along with others.
    """

    path: str
    service: str
    run: Callable[[Context, list[Value]], Value | Unfinished]
    help: str
    parameters: tuple[Parameter, ...] = ()
    returns: tuple[str, str] = ("struct", "")
    prepare: Callable[[Context, list[Value]], Callable[[], list[Value]] | None] | None = None
    is_long: Callable[[list[Value]], bool] | None = None
    # Taken too without the path in front (RULES 1.2).
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """What a peer gets from us and what we take from it, by service name."""

    published: frozenset[str]
    subscribed: frozenset[str]


@dataclass(frozen=True)
class Dispatcher(Generic[Context]):
    """The table of methods and the one place that says who may call what."""

    methods: Mapping[str, Method[Context]]
    _bare: Mapping[str, Method[Context]] = field(default_factory=dict)

    @classmethod
    def of(cls, methods: Iterable[Method[Context]]) -> Dispatcher[Context]:
        """Build the table from its methods."""
        table = {method.path: method for method in methods}
        return cls(table, {m.path.rpartition("/")[2]: m for m in table.values() if m.bare})

    def find(self, name: str, services: Services) -> Method[Context] | str:
        """Return the method for a wire name, or the bare name of a system method.

        Raises BadMethodName (713), UnknownSystemMethod (7018), UnknownMethod (7012) or
        NotPublished (707), as a Moodle would.
        """
        if len(name) > MAX_NAME_CHARS:
            raise BadMethodName
        name = system_name(name)
        bare = self._bare.get(name)
        if bare is None and not NAME.fullmatch(name):
            raise BadMethodName
        if name.startswith(SYSTEM):
            if name.removeprefix(SYSTEM) not in SYSTEM_METHODS:
                raise UnknownSystemMethod
            return name.removeprefix(SYSTEM)
        method = bare or self.methods.get(name)
        if method is None:
            raise UnknownMethod
        if method.service not in services.published:
            raise NotPublished
        return method

    def published(self, services: Services, service: str | None = None) -> list[str]:
        """Return the paths that a peer may call, sorted; of one service when it is named."""
        return sorted(
            path
            for path, method in self.methods.items()
            if method.service in services.published and service in (None, method.service)
        )

    def system(self, name: str, params: list[Value], services: Services) -> Value:
        """Answer a system method other than keyswap (section 5), laid out as Moodle 2.x-4.x does.

        Raises BadParameters (17) when a parameter is missing or not a string.
        """
        if name == "listMethods":
            return [*self.published(services, _text(params, "") or None)]
        if name == "listServices":
            return list_services(services)
        path = system_name(_text(params))
        method = self.methods.get(path) if path in self.published(services) else None
        if method is None:
            return False
        if name == "methodHelp":
            return method.help
        return {
            "parameters": [
                {"name": p.name, "type": p.type, "description": p.description}
                for p in method.parameters
            ],
            "return": {"type": method.returns[0], "description": method.returns[1]},
        }


SYSTEM_METHODS = (
    "keyswap",
    "listMethods",
    "listServices",
    "methodHelp",
    "methodSignature",
)


def system_name(name: str) -> str:
    """Return a system method's name with a slash; the dotted form is taken as a courtesy."""
    return name.replace("system.", SYSTEM, 1) if name.startswith("system.") else name


def is_keyswap(name: str) -> bool:
    """Tell whether a wire name is the one method that may come in plain."""
    return system_name(name) == KEYSWAP


def list_services(services: Services) -> list[Value]:
    """Return the answer of system/listServices: flags as a Moodle writes them, "0" and "1"."""
    return [
        {
            "name": name,
            "apiversion": API_VERSION,
            "publish": "1" if name in services.published else "0",
            "subscribe": "1" if name in services.subscribed else "0",
        }
        for name in sorted(services.published | services.subscribed)
    ]


def _text(params: list[Value], default: str | None = None) -> str:
    value = params[0] if params else default
    if not isinstance(value, str):
        raise BadParameters("The first parameter must be a string.")
    return value
