"""Documents to IR to decision graph to plan, and the static analysis of all three. Offline and pure."""
