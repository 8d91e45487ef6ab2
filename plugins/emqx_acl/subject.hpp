// Who a rule is about: everybody, names, addresses, certificates, listeners, and several of these
// together. A tree, immutable once built; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_acl/request.hpp"

namespace emqx_acl {

class Subject {
 public:
  enum class Kind : std::uint8_t {
    everybody,
    user,
    client,
    address,
    cn,
    san,
    dn,
    listener,
    all_of,
    any_of
  };

  static Subject everybody() { return Subject(Kind::everybody); }
  // One of the names is enough. Not for addresses.
  static Subject named(Kind kind, std::vector<std::string> names);
  static Subject in(std::vector<Network> networks);
  static Subject all_of(std::vector<Subject> parts);
  static Subject any_of(std::vector<Subject> parts);

  // Of a client that is away, what is not known is taken as `benefit` of the doubt.
  bool holds(const Who& who, bool benefit) const;
  // The parts that hold, one line each, for somebody who wants to know why. Only when it holds.
  void explain(const Who& who, bool benefit, std::vector<std::string>& lines) const;

  // Users and clients without one of whom it cannot hold; nullopt: it may hold for anybody.
  struct Keys {
    std::vector<std::string> users, clients;
    std::size_t size() const { return users.size() + clients.size(); }
  };
  std::optional<Keys> keys() const;

  // As people write it: `user "ann" and address 10.0.0.0/8`.
  std::string text() const { return text(false); }

 private:
  explicit Subject(Kind kind) : kind_(kind) {}
  static std::string_view word(Kind kind);
  // The attribute a leaf looks at; nullopt: the client has none.
  std::optional<std::string_view> value(const Who& who) const;
  bool has_name(std::string_view name) const;
  bool depends_on_connection() const { return kind_ != Kind::user && kind_ != Kind::client; }
  std::string text(bool inside) const;

  Kind kind_;
  std::vector<std::string> names_;  // sorted
  std::vector<Network> networks_;
  std::vector<Subject> parts_;
};

}  // namespace emqx_acl
