"""The school's own order: years, terms, courses, where sections are filed, how marks are counted.

Whatever people here decide themselves; what peers push stands beside this folder.
"""
