"""What happens to a training from outside: kills, full disks, damaged files. `python -m tests.faults` has the table."""
