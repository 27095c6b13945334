winnow_fuzz(expression SOURCES expression_fuzz.cc LIBS winnow_rules)
