"""What people compute with: lazy tensors, functions, derivatives, random numbers."""
