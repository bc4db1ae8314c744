"""Post-training quantization: files that a runtime deploys, their accuracy, and the sensitivity of rows."""
