winnow_fuzz(milter SOURCES ${CMAKE_CURRENT_LIST_DIR}/milter_fuzz.cc LIBS winnow_ingest)
