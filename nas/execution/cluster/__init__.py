"""Cluster: connections to a Dask scheduler whose machines all run the same software."""
