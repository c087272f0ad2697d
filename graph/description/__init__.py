"""The graph in words: its labels and relationship types, and how the two dialects of Cypher differ.

`followsuit schema`, the documentation and the hints of error messages are made from it.
"""
