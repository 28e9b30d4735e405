"""TODO room firestore."""
