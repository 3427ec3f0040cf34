"""Makes the packages beside this file importable for the tests, from whichever folder pytest starts."""
