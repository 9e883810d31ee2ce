"""Smoke tests in browsers other than Chromium."""
