"""python -m clusteradmin.demo: the same as clusteradmin demo."""

import sys

from clusteradmin.demo import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
