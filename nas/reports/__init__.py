"""Reports: figures, pages and notes about runs, made from their records."""
