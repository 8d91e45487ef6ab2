// What one version of the plugin tells the next about a client's machine, as octets. Every struct
// goes as a block with its size in front: a later version may append fields, an earlier one skips
// them. Values; any thread.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "emqx_sn/client.hpp"

namespace sn {

struct Client::Saved {
  std::string client_id;
  Standing at;
  TopicTable topics;
  AwaitingRel awaiting;
  std::list<Held> held;
  std::optional<Will> will;
  std::optional<Handshake> handshake;
  Rare rare;
  std::uint16_t first_topic_id = 0;  // new ones are not below it
};

void append(std::string& blob, const Client::Saved& client);
// False: not what append() writes, or no client could be in such a state.
bool read_saved(std::string_view blob, Client::Saved& out);

}  // namespace sn
