"""From YAML text to the desired state: read, check, build.

This room knows text, marks and the schema. It opens no connection and reads no secret but on request, and
what it says of a file depends on nothing but the file (P6).
"""
