"""What the doctor says: one finding a check, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("good", "note", "warning", "fault")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. No field ever holds a secret, a token, or a name or address of a person.

    :param check: which one, in a word that scripts can count on.
    :param level: one of LEVELS; a fault keeps people from logging in, or their names from showing.
    :param seen: what is so.
    :param breaks: what that breaks, and for whom.
    :param change: what to change, and where.
    """

    check: str
    level: str
    seen: str
    breaks: str = ""
    change: str = ""


def good(check: str, seen: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(check, "good", seen)


def noted(check: str, seen: str, breaks: str = "", change: str = "") -> Finding:
    """Say something that the operator may want to know."""
    return Finding(check, "note", seen, breaks, change)


def warning(check: str, seen: str, breaks: str, change: str) -> Finding:
    """Say that something is weak, or will not work for everybody, or could not be made sure of."""
    return Finding(check, "warning", seen, breaks, change)


def fault(check: str, seen: str, breaks: str, change: str) -> Finding:
    """Say that something does not work."""
    return Finding(check, "fault", seen, breaks, change)
