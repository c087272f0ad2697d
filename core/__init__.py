"""What every room uses: errors, progress, times, files, compiled code and the bootstrap."""
