winnow_fuzz(lists SOURCES lists_fuzz.cc LIBS winnow_rules)
