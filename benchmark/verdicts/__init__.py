"""From grades to intervals, comparisons and gates."""
