"""Pages for admins about what came and went: calls, the inbox, personal data, support."""
