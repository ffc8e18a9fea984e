"""What the test runner and the tests in Python share."""
