"""Prints how long ago the epoch was, in words."""

import time

import humanize

if __name__ == "__main__":
    print(humanize.precisedelta(time.time(), minimum_unit="days"))
