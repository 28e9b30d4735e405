"""TODO room google_firestore."""
