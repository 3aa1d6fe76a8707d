"""What knows where it runs: environment, AWS SDK, clock.

In Lambda, garbage is not collected until the handler is built (`entrypoint`): modules, clients and models are there to
stay, and looking through all of them again and again as they come costs a thirtieth of a start.
"""

import gc
import os

if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
    gc.disable()
