winnow_fuzz(charsets SOURCES charsets_fuzz.cc LIBS winnow_engine)
winnow_fuzz(text SOURCES text_fuzz.cc LIBS winnow_engine)
