"""Full sync: a peer lists all that it has, page by page; what is new, changed or missing."""
