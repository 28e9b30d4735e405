"""The transactional outbox and `ProcessedOnce`: tables in the program's own database. It may import the rooms below `_app`.

Begin reading at `outbox` (what a program calls) and `relay` (what publishes the rows); `databases` has all SQL that differs.
"""
