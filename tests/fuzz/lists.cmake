winnow_fuzz(lists SOURCES lists_fuzz.cc LIBS winnow_rules)
winnow_fuzz(vault SOURCES vault_fuzz.cc LIBS winnow_pipeline)
