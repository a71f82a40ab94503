"""Reads back what runs and clusters have written: results of pratique, and policy reports of anybody."""
