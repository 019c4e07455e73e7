"""Words that all subjects use. Knows no table."""
