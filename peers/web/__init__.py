"""Pages for admins in a browser: the frame that every page stands in, and those about peers."""
