"""What a running server tells of itself: metrics, traces, logs."""
