"""The student information system: what peers push, kept with its history; and the commands."""
