"""What needs a hand: found, kept, sent."""
