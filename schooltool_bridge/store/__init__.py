"""The tables, and what keeps them: guards, backup, restore, copy."""
