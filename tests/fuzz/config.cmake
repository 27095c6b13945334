winnow_fuzz(ucl SOURCES ${CMAKE_CURRENT_LIST_DIR}/ucl_fuzz.cc LIBS winnow_rules)
winnow_fuzz(template SOURCES ${CMAKE_CURRENT_LIST_DIR}/template_fuzz.cc LIBS winnow_rules)
winnow_fuzz(maps SOURCES ${CMAKE_CURRENT_LIST_DIR}/maps_fuzz.cc LIBS winnow_rules)
