winnow_fuzz(headers SOURCES headers_fuzz.cc LIBS winnow_engine)
winnow_fuzz(addresses SOURCES addresses_fuzz.cc LIBS winnow_engine)
