"""The gradebook of a section: the page of students by items, entry by keyboard, spreadsheets.

What it writes goes through schooltool_bridge/hand; nothing here knows HTML.
Source: RULES 1.5, R61-R68, R77.
"""
