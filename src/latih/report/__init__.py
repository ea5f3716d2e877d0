"""A run directory made into one page that opens without a network."""

from latih.report.build import build_report as build_report
