"""The Moodle network protocol: a pure half (bytes in, bytes out) and the machine room around it.

Pure: protocol, faults, safe_xml, envelope, xmlrpc*, dispatcher, replay. They import neither
Twisted, SQLAlchemy, os nor time; keys, look-ups, clock and randomness come in as arguments.
"""
