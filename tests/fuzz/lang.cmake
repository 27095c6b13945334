winnow_fuzz(regexp_atom SOURCES regexp_atom_fuzz.cc LIBS winnow_rules)
