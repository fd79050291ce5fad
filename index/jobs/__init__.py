"""The parts of index/job.py, from a file that was found to a published generation."""
