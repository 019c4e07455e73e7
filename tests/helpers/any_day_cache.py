"""Answers of any_day_model.py, kept for as long as nothing more is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

# With `statements`, `into` and `answered`: what stood when something was last asked, and answers.
M = TypeVar("M", bound=Any)
P = ParamSpec("P")
T = TypeVar("T")


def asked_once(look: Callable[Concatenate[M, P], T]) -> Callable[Concatenate[M, P], T]:
    """Keep each answer until something changes: the same is asked of many moments."""

    def answer(model: M, /, *args: P.args, **named: P.kwargs) -> T:
        known = (len(model.statements), tuple(model.into.items()))
        if known != model.answered[0]:
            model.answered = (known, {})
        question = (look.__name__, args, tuple(named.items()))
        answers = model.answered[1]
        if question not in answers:
            answers[question] = look(model, *args, **named)
        found: T = answers[question]
        return found

    return answer
