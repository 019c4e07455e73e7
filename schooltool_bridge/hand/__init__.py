"""What people here write into the records by hand, beside what peers push.

Every function runs in the caller's transaction and either writes all of it or raises Refused.
Source: RULES 1.4-1.6, R47, R53, R60, R63-R66, R77.
"""
