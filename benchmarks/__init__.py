"""Speed, measured as ratios within one run; run as modules from the repository's root."""
