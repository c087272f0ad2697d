"""Taste: who likes what, learned from the graph; plain models, graph neural networks, and a blend.

Needs nothing but `followsuit.graph`. What is built on torch says so: it comes with the extra `gnn`.
"""

import os
import warnings

# Threads of torch that wait by spinning slow a busy machine down five times and more. Read once,
# when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# What torch says at each training of what we use on purpose, and on import of torch_geometric.
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
