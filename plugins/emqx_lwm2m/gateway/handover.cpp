#include "emqx_lwm2m/gateway/handover.hpp"

#include <keel/fields.hpp>

namespace lwm2m {
namespace {

template <class T, class Each>
bool several(keel::FieldWriter& io, const std::vector<T>& all, Each&& each) {
  io.field(static_cast<std::uint32_t>(all.size()));
  for (const T& one : all) each(one);
  return true;
}
// Added one by one: how many there are said to be costs nothing yet.
template <class T, class Each>
bool several(keel::FieldReader& io, std::vector<T>& all, Each&& each) {
  std::uint32_t left = 0;
  if (!io.field(left)) return false;
  for (; left != 0; --left) {
    if (!each(all.emplace_back())) return false;
  }
  return true;
}

template <class Io, class H>
bool fields(Io& io, H& all) {
  const auto pair = [&](auto& one) { return io.field(one.first) && io.field(one.second); };
  return io.field(all.stand_in) && io.field(all.secret) &&
         several(io, all.pairings,
                 [&](auto& room) {
                   return several(io, room.taken, [&](auto& key) { return io.field(key); }) &&
                          several(io, room.waiting, [&](auto& one) {
                            return io.field(one.key) && io.field(one.endpoint) &&
                                   io.field(one.topic) && io.field(one.payload);
                          });
                 }) &&
         several(io, all.answered, pair) && several(io, all.unsaid, pair);
}

}  // namespace

void append(std::string& blob, const Handover& handover) {
  std::string whole;
  keel::FieldWriter out(whole);
  fields(out, handover);
  keel::FieldWriter(blob).field(whole);
}

bool take(std::string_view& blob, Handover& out) {
  std::string whole;
  if (!keel::FieldReader(blob).field(whole)) return false;
  blob.remove_prefix(sizeof(std::uint32_t) + whole.size());
  keel::FieldReader in(whole);
  return fields(in, out) && in.at_end();
}

}  // namespace lwm2m
