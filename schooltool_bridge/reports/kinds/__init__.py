"""One file for each report; a new file here is a new report (registry.py)."""
