"""The commands of `manage.py`: a worker and a relay."""
