"""The machine room: graph -> plan -> OpenCL C -> run. Knows nothing of layers or files."""
