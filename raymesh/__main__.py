"""`python -m raymesh` is the command `raymesh`."""

import sys

from raymesh.commands.main import main

sys.exit(main())
