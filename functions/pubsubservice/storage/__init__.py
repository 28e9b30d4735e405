"""The storage port with the paths and the format of stored documents; ``firestore`` holds the cloud's adapter."""
