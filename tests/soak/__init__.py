"""make soak: a real server under every flood that once stopped one, and what others notice of it.

`stage.py` has the server and the sites around it, `probes.py` what is measured meanwhile,
`floods_*.py` the floods, each a function in a table (`flood.py`), `held.py` the interpreter's
holders, `__main__.py` runs them and prints the table.
"""
