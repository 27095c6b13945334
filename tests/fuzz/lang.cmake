winnow_fuzz(regexp_atom SOURCES regexp_atom_fuzz.cc LIBS winnow_rules)
winnow_fuzz(rule_lines SOURCES rule_lines_fuzz.cc LIBS winnow_rules)
winnow_fuzz(selector SOURCES selector_fuzz.cc LIBS winnow_rules)
