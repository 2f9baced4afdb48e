"""The benchmarks: how fast cnnfast is, beside the machine's limits and beside its peers."""
