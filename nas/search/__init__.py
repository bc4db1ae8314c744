"""Search: its configuration, its phases in order, the driver that asks and tells, samplers and successive halving."""
