"""Our key pairs and peers' certificates: making, judging, rotating, protecting and keeping them."""
