"""Stalls and drifts in made-up series: are they found, and is nothing else?"""
