winnow_fuzz(spf SOURCES spf_fuzz.cc LIBS winnow_rules)
