rspamd_config.X = 1
