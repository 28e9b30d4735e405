"""What a release is made of: its version, the files that are published, the gate that they pass, and the plan of a tag.

`python -m release` runs it; `make dist`, `make release-check` and `make version` do. Begin with `plan`.
"""
