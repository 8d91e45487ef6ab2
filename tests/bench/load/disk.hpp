// How long the disk itself takes to make a small write safe: what an acknowledgement that waits for
// the disk is compared with.
#pragma once

#include <string>

#include "report.hpp"

namespace keel::load {

struct DiskSync {
  Histogram append;     // to a file that grows: its length has to be made safe, too
  Histogram overwrite;  // of a file that has its length already
};

// Writes `size` octets and calls fdatasync, `rounds` times each way, in a file of its own in
// `directory`; the file goes again. The times are added to `sync`.
void measure_disk(const std::string& directory, std::size_t size, int rounds, DiskSync& sync);

}  // namespace keel::load
