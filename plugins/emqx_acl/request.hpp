// A question to the rules: who wants to do what. Views; they live as long as what was asked about.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "emqx_acl/network.hpp"

namespace emqx_acl {

enum class Action : std::uint8_t { publish = 1, subscribe = 2 };  // bits of Rule::actions

struct Who {
  std::string_view client_id = {}, username = {}, listener = {};
  std::string_view cn = {}, san = {}, dn = {};  // what a certificate proved; empty: nothing
  bool has_username = false;
  Ip ip = {};
  // The session is there, the client is not: address, listener and certificate are not known.
  bool away = false;
};

// What %u, %c and %cn stand for.
struct Name {
  enum class State : std::uint8_t {
    missing,   // the client has none
    usable,    // fits into one level of a topic
    unusable,  // empty, or with a character that is more than a letter in a topic
    unknown    // the client is away
  };
  std::string_view text;
  State state = State::missing;
};

struct Names {
  explicit Names(const Who& who);
  Name user, client, cn;
};

// A topic name or filter, cut into levels. Without allocation for usual depths.
class Topic {
 public:
  explicit Topic(std::string_view text);
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;

  std::string_view text() const { return text_; }
  std::span<const std::string_view> levels() const { return levels_; }
  bool reserved() const { return text_.starts_with('$'); }

 private:
  std::string_view text_;
  std::array<std::string_view, 32> few_;
  std::vector<std::string_view> many_;
  std::span<const std::string_view> levels_;
};

struct Request {
  Who who = {};
  Action action = Action::publish;
  std::uint8_t qos = 0;
  bool retain = false;
  std::string_view topic = {};  // name or filter, without $share/<group>/
};

}  // namespace emqx_acl
