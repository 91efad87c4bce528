"""Who is judged: specs, weights and fingerprints."""
