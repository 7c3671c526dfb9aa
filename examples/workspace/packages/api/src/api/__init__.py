"""Answers questions about parcels."""
