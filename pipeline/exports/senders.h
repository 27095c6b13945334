// How one export leaves: an HTTP request, commands to Redis, a mail. Each blocks its thread, a
// little over the time that it is given at most.
#pragma once

#include "engine/result.h"
#include "pipeline/exports/exporter.h"
#include "rules/checks/exports/export_formats.h"

namespace winnow {

// Errors: what went wrong, without passwords.
Result<void> send_export(const ExportRule& rule, const ExportText& text,
                         const Exporter::Means& means);

}  // namespace winnow
