// What the configuration says to the front ends: sections worker, logging, options. Read when rules
// are loaded and swapped with them; where to listen is taken at the start only.
#pragma once

#include <string>
#include <vector>

#include "ingest/controller/access.h"
#include "ingest/http/httpcrypt.h"
#include "ingest/milter/answer.h"
#include "ingest/proxy/upstream.h"
#include "ingest/serve/listen.h"
#include "ingest/serve/log.h"
#include "ingest/serve/log_line.h"
#include "ingest/serve/tls.h"
#include "rules/config/ucl.h"

namespace winnow {

struct ServeSettings {
  // As `--milter` and the like take them; empty where the configuration says nothing of it or
  // switches that worker off.
  std::vector<std::string> milter, http, controller;
  bool milter_off = false, http_off = false, controller_off = false;

  // ssl_cert and ssl_key, and what load_serve_settings() read of them; by Front.
  struct Tls {
    std::string certificate, key;
    std::shared_ptr<const TlsKeys> keys;
  };
  // keypair and encrypted_only of a worker, likewise.
  struct Sealing {
    std::shared_ptr<const HttpKeys> keys;
    bool only = false;
  };
  Sealing http_sealing, controller_sealing;
  const Sealing& sealing(Front front) const {
    return front == Front::kController ? controller_sealing : http_sealing;
  }
  Tls http_tls, controller_tls;
  const Tls& tls(Front front) const {
    return front == Front::kController ? controller_tls : http_tls;
  }

  std::shared_ptr<const ProxySettings> proxy = std::make_shared<ProxySettings>();
  MilterOptions milter_options;
  ControllerSettings access;
  LogFormat log_format;
  std::vector<std::string> debug_modules;  // as logging {} names them
  LogOptions log;
  bool logs_here = false;  // the configuration has a `logging` section that says where

  std::vector<Warning> warnings;
};

// REQUIRED: `root` is a merged configuration.
ServeSettings read_serve_settings(const UclObject& root);

// With all that a service needs to start: keys of TLS and of HTTPCrypt, hosts of upstreams. Errors:
// what cannot be used; a socket that speaks TLS and has no key; encryption that is asked for where
// it cannot be.
Result<ServeSettings> load_serve_settings(const UclObject& root,
                                          const std::vector<Listening>& sockets);

}  // namespace winnow
