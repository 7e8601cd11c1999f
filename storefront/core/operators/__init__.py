"""Operators: the people who sign in to the console, what their role lets them do, and how they prove who they are."""
