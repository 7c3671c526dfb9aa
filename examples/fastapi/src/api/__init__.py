"""A small web service."""
