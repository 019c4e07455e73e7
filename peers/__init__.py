"""Remote sites: who they are, what they may do, how far they are trusted."""
