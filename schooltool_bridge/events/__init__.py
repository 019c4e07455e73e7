"""What peers push: receiving, reading, applying, the inbox."""
