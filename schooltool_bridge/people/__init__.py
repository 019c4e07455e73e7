"""Lists of people, rights in bulk, export, erasing, sharing."""
