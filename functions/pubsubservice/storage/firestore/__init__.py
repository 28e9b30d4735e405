"""The storage port over Firestore. Imported lazily: only the process's app chooses it."""
