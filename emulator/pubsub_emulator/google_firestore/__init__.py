"""Runs Google's Firestore emulator as a child process: finding, starting and ending it."""
