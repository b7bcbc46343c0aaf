"""What is told about an inventory: alerts on transitions, reports for a day. May import sync and all below it."""
