#include "tools/plugin_check/report.hpp"

#include <fmt/format.h>

#include <string_view>

namespace keel::check {
namespace {

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

const char* word(Finding::Severity severity) {
  return severity == Finding::Severity::error ? "error" : "warning";
}

}  // namespace

std::string as_text(const Report& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += fmt::format("{}: {}: {} [{}]\n", report.file, word(finding.severity), finding.text,
                       finding.rule);
  }
  if (!report.ran) return out;
  const Measured& m = report.measured;
  out += fmt::format("{}: {} cycle{}, load {:.1f} ms, unload {:.1f} ms", report.file, m.cycles,
                     m.cycles == 1 ? "" : "s", m.load_ms, m.unload_ms);
  out += fmt::format(", growth per cycle: heap {:.0f} B, memory {:.0f} B\n", m.heap_per_cycle,
                     m.resident_per_cycle);
  return out + fmt::format("{}: {}\n", report.file, has_error(report.findings) ? "failed" : "ok");
}

std::string as_json(const Report& report) {
  std::string out = fmt::format("{{\"file\":{},\"ok\":{},\"findings\":[", json_text(report.file),
                                !has_error(report.findings));
  for (const Finding& finding : report.findings) {
    out += fmt::format("{}{{\"severity\":\"{}\",\"rule\":{},\"text\":{}}}",
                       out.ends_with('[') ? "" : ",", word(finding.severity),
                       json_text(finding.rule), json_text(finding.text));
  }
  out += ']';
  if (report.ran) {
    const Measured& m = report.measured;
    out += fmt::format(
        ",\"cycles\":{},\"load_ms\":{:.3f},\"unload_ms\":{:.3f},\"heap_bytes_per_cycle\":{:.1f},"
        "\"resident_bytes_per_cycle\":{:.1f}",
        m.cycles, m.load_ms, m.unload_ms, m.heap_per_cycle, m.resident_per_cycle);
  }
  return out + "}\n";
}

}  // namespace keel::check
