// A client as hooks and lists show it: a view, valid during the call.
#pragma once

#include <string_view>

#include "keel/address.hpp"
#include "keel/ext/hooks.h"
#include "keel/tls.hpp"

namespace keel {

class Client {
 public:
  explicit Client(const keel_client& client) : client_(&client) {}

  std::string_view client_id() const { return view(client_->client_id); }
  std::string_view username() const { return view(client_->username); }
  bool has_username() const { return client_->has_username != 0; }
  bool has_password() const { return client_->has_password != 0; }
  std::string_view listener() const { return view(client_->listener); }
  std::string_view protocol() const { return view(client_->protocol); }
  std::uint8_t version() const { return client_->version; }  // 3, 4, 5
  bool clean_start() const { return client_->clean_start != 0; }
  Address peer() const { return client_->peer; }
  Verified verified() const { return Verified(client_->verified); }
  std::uint32_t keep_alive_s() const { return client_->keep_alive_s; }
  std::uint32_t session_expiry_s() const { return client_->session_expiry_s; }
  const keel_client& c() const { return *client_; }

 private:
  const keel_client* client_;
};

}  // namespace keel
