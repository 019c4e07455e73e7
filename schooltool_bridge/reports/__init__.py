"""Reports: what was so on any day, for a student, a section, or the school.

`as_of.py` reads histories in a fixed number of statements; the reports arrange what it found.
Source: RULES R4, R69-R79.
"""
