"""Yardsticks: the same work done by other means, to say how fast and how right Moment is."""
