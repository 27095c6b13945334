winnow_fuzz(match SOURCES match_fuzz.cc LIBS winnow_engine)
