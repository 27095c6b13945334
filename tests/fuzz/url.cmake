winnow_fuzz(urls SOURCES ${CMAKE_CURRENT_LIST_DIR}/urls_fuzz.cc LIBS winnow_engine)
