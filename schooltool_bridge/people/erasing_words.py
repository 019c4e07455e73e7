"""What erasing a person takes and leaves, in words: for the page and the command alike. Pure."""

from __future__ import annotations

from mnet.language import N_

GOES = (
    N_("first and last name, user name, ID number, email address, in every older form too"),
    N_("what each peer called them and told about them, and the link by which it knew them"),
    N_("password, picture, sessions here and at peers, the right to sign in, a staff role"),
    N_("the content of events that still waited, and of those that were refused"),
    N_("notes and reasons about them, and their name where others wrote it"),
    N_("the pages of reports that were handed out"),
)
STAYS = (
    N_("sections, dates and codes of enrolments, marks and final marks, as an Erased person's"),
    N_("that a report of this number was handed out, when, and its digest"),
    N_("that, when and by whom this was done, in the audit trail"),
)
MIND = (
    N_("It cannot be undone."),
    N_(
        "Backups from before still hold everything: delete them, or erase again after restoring "
        "one."
    ),
    N_(
        "Peers keep what they have; what they tell later is about a new person. Remove them there "
        "too."
    ),
    N_("A first or last name alone, in a note about somebody else, is not found; whole names are."),
)
