winnow_fuzz(expression SOURCES expression_fuzz.cc LIBS winnow_rules)
winnow_fuzz(evidence SOURCES evidence_fuzz.cc LIBS winnow_ingest)
