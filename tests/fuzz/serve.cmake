winnow_fuzz(milter SOURCES ${CMAKE_CURRENT_LIST_DIR}/milter_fuzz.cc LIBS winnow_ingest)
winnow_fuzz(http SOURCES ${CMAKE_CURRENT_LIST_DIR}/http_fuzz.cc LIBS winnow_ingest)
winnow_fuzz(proxy_reply SOURCES ${CMAKE_CURRENT_LIST_DIR}/proxy_reply_fuzz.cc LIBS winnow_ingest)
