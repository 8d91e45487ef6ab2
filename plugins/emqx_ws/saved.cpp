#include "emqx_ws/saved.hpp"

#include <keel/fields.hpp>

namespace ws {
namespace {

// Writes or reads.
template <class Io, class C>
bool fields(Io&& io, C& c) {
  return io.field(c.connection) && io.field(c.stream) && io.field(c.shard) && io.field(c.state) &&
         io.field(c.compression) && io.field(c.counted) && io.field(c.listener) &&
         io.field(c.reader.remaining) && io.field(c.reader.mask) && io.field(c.reader.flags) &&
         io.field(c.terms) && io.field(c.held) && io.field(c.inflate_window) &&
         io.field(c.deflate_window);
}

}  // namespace

void append(std::string& blob, const SavedConnection& connection) {
  fields(keel::FieldWriter(blob), connection);
}

bool read_saved(std::string_view blob, std::vector<SavedConnection>& out) {
  keel::FieldReader reader(blob);
  while (!reader.at_end()) {
    if (!fields(reader, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace ws
