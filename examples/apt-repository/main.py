"""Prints what a parcel weighs."""

import subprocess

if __name__ == "__main__":
    print("The parcel weighs", subprocess.run(["weigh"], capture_output=True, check=True, text=True).stdout.strip())
