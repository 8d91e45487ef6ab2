// The names behind the pre-defined topic ids [MQTT-SN 3]: for all clients, or for one. Immutable
// once it is built; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace sn {

class Predefined {
 public:
  // `client` empty: for all. False: the id is 0 or 0xffff, or taken with another name.
  bool add(std::string_view client, std::uint16_t id, std::string_view topic);

  // What an id means to a client, its own names first; null: nothing.
  const std::string* name(std::string_view client, std::uint16_t id) const;
  std::uint16_t max_id() const { return max_id_; }  // of all; normal ids begin above

  template <class F>  // f(client, id, name), in order
  void each(F&& f) const {
    for (const auto& [client, names] : names_)
      for (const auto& [id, topic] : names) f(client, id, topic);
  }

 private:
  std::map<std::string, std::map<std::uint16_t, std::string>, std::less<>> names_;
  std::uint16_t max_id_ = 0;
};

}  // namespace sn
