"""What every room uses: errors, progress, times, files, compiled code, ranking metrics and the bootstrap."""
