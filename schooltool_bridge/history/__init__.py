"""From rows to what holds, now or on a day."""
