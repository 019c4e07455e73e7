"""Landing, jumping, rights, sessions, signing off, pictures."""
