"""Full sync: a peer lists all that it has, page by page; what that changes here, what it lacks."""
