"""OneRoster 1.1 and 1.2 as CSV: rosters and grades out to other systems, and in from them.

`tables.py` is the format as data; `export.py` writes it, `checking.py` judges it, `importing.py`
takes it in. Source: RULES 1.8, D.1-D.3.
"""
