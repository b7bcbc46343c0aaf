"""What compares real rows with synthetic ones: samples of columns and families, distances, and the formulas.

May import the model of tables and `core`; knows nothing of how synthetic rows are made.
"""
