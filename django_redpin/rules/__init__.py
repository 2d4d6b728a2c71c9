"""What is true of a Redpin payment: pure functions and frozen dataclasses.

No I/O, no ORM, no settings. Every rule of Redpin's pages stands here, once.
"""
