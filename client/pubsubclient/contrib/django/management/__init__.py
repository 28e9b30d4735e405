"""What `manage.py` gets."""
