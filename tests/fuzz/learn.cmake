winnow_fuzz(learning_log SOURCES ${CMAKE_CURRENT_LIST_DIR}/learning_log_fuzz.cc LIBS winnow_pipeline)
winnow_fuzz(redis SOURCES ${CMAKE_CURRENT_LIST_DIR}/redis_fuzz.cc LIBS winnow_pipeline)
winnow_fuzz(learn_import SOURCES ${CMAKE_CURRENT_LIST_DIR}/learn_import_fuzz.cc LIBS winnow_pipeline)
winnow_fuzz(packed_counters SOURCES ${CMAKE_CURRENT_LIST_DIR}/packed_counters_fuzz.cc LIBS winnow_pipeline)
