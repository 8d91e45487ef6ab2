#include "emqx_ws/saved.hpp"

#include <cstring>
#include <type_traits>

namespace ws {
namespace {

// The two go through the same fields; both run in the same process.
struct Writer {
  std::string& out;

  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool field(const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
    return true;
  }
  bool field(const std::string& text) {
    field(static_cast<std::uint32_t>(text.size()));
    out += text;
    return true;
  }
};

struct Reader {
  std::string_view in;

  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool field(T& value) {
    if (in.size() < sizeof value) return false;
    std::memcpy(&value, in.data(), sizeof value);
    in.remove_prefix(sizeof value);
    return true;
  }
  bool field(std::string& text) {
    std::uint32_t size = 0;
    if (!field(size) || in.size() < size) return false;
    text.assign(in.substr(0, size));
    in.remove_prefix(size);
    return true;
  }
};

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
  fields(Writer{blob}, connection);
}

bool read_saved(std::string_view blob, std::vector<SavedConnection>& out) {
  Reader reader{blob};
  while (!reader.in.empty()) {
    if (!fields(reader, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace ws
