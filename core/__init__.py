"""What every room uses: errors, progress, times, files, compiled code, metrics, the bootstrap."""
