"""What `make demo` runs: a network learns digits through the RTL, and the golden model agrees to the last bit."""

import sys

from crosstwin_sim.demo import main

if __name__ == "__main__":
    sys.exit(main())
