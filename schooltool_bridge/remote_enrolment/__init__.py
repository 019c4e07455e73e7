"""A peer's courses, and enrolling our people there."""
