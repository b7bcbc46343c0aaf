"""The company's own components."""

from company_files.components.shares import CompanyShares

__all__ = ["CompanyShares"]
