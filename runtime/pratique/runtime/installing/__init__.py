"""Puts `pratique serve` into a cluster: the objects of the chart as Helm rendered them, with choices."""
