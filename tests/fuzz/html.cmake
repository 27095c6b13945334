winnow_fuzz(html SOURCES ${CMAKE_CURRENT_LIST_DIR}/html_fuzz.cc LIBS winnow_engine)
