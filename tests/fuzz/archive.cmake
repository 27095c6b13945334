winnow_fuzz(archives SOURCES ${CMAKE_CURRENT_LIST_DIR}/archives_fuzz.cc LIBS winnow_engine)
