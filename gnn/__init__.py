"""Models of taste: plain models, graph neural networks, and a blend.

Networks need the extra `gnn` (torch and more); their modules say so.
"""

import os
import warnings

# Torch's threads wait by spinning, which slows a busy machine down five times or more. Torch reads
# this variable once, on import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Warnings about features that we use on purpose.
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
