winnow_fuzz(headers SOURCES headers_fuzz.cc LIBS winnow_engine)
winnow_fuzz(addresses SOURCES addresses_fuzz.cc LIBS winnow_engine)
winnow_fuzz(mime SOURCES mime_fuzz.cc LIBS winnow_engine)
winnow_fuzz(mime_decoders SOURCES mime_decoders_fuzz.cc LIBS winnow_engine)
