"""Where Moment runs: on one machine, and later on a cluster."""
