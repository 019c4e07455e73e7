"""The parts put together: background work, monitoring, health, the support bundle."""
