// Traces: what one client or one topic does, written to a file (`ctl trace`). The set is immutable;
// each shard holds a pointer that is null while nothing is traced, so tracing costs one test when
// it is off.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"

namespace keel::kernel {

class TraceFile;  // an open file written line by line under a lock; a trace is a diagnosis, not a
                  // data path

struct Trace {
  enum class Kind { client, topic };
  Kind kind;
  std::string subject;  // client id, or a topic filter (wildcards allowed)
  std::string file;
  std::shared_ptr<TraceFile> out;
};

class TraceSet {
 public:
  // A copy with one more; an error names the file and the cause. A second trace of the same subject
  // is refused.
  static Result<std::shared_ptr<const TraceSet>> with(const TraceSet* base, Trace::Kind kind,
                                                      std::string subject, std::string file);
  // A copy without it; null when none is left. Error: no such trace.
  static Result<std::shared_ptr<const TraceSet>> without(const TraceSet* base, Trace::Kind kind,
                                                         std::string_view subject);

  // Writes a line to every trace that this client or topic concerns. `topic` empty: not about a
  // topic.
  void write(std::string_view client_id, std::string_view topic, std::string_view line) const;
  const std::vector<Trace>& traces() const { return traces_; }

 private:
  std::vector<Trace> traces_;
};

// How many lines of a trace could not be written; the first one is logged. [any]
std::uint64_t trace_errors(const Trace& trace);

}  // namespace keel::kernel
