"""Objectives: what a candidate costs, limits on costs, the deployment target, Pareto dominance."""
