"""What somebody may be in a section."""

from __future__ import annotations

STUDENT, TEACHER = "student", "teacher"
