"""Says how big a parcel is.

Usage: main.py [--bytes=N]

Options:
  --bytes=N  The size of the parcel [default: 1500000].
"""

import docopt
import humanize

if __name__ == "__main__":
    arguments = docopt.docopt(__doc__)
    print("a parcel of", humanize.naturalsize(int(arguments["--bytes"])))
