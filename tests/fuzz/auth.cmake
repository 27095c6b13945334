winnow_fuzz(spf SOURCES spf_fuzz.cc LIBS winnow_rules)
winnow_fuzz(dmarc SOURCES dmarc_fuzz.cc LIBS winnow_rules)
winnow_fuzz(dkim SOURCES dkim_fuzz.cc LIBS winnow_rules)
winnow_fuzz(dns SOURCES dns_fuzz.cc LIBS winnow_pipeline)
