"""What needs a hand: found, stored, sent."""
