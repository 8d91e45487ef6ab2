// What a request says about a client: "clientid=%c,username=%u,password=%P" filled in. Pure; any
// thread. Values are encoded where they go, so no client can add a parameter of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keel/result.hpp"

namespace auth_http {

// Whom a question is about. Views, valid while it is put.
struct Facts {
  std::string_view username = {}, password = {}, client_id = {};
  std::string_view protocol = {};     // "mqtt", "mqtt-sn", ...
  std::string_view cn = {}, dn = {};  // of a certificate that was verified
  std::string address = {};           // without the port
  std::string_view topic = {};        // of authorization
  bool publishing = false;
};

class Params {
 public:
  // Of the requests that know a password, or of the one that knows a topic.
  enum class Scope { login, topic };

  // A list name=value with %u user name, %P password, %c client id, %a address, %r protocol,
  // %C (also %cn) and %d (%dn) common name and subject of the certificate, %A access (1 subscribe,
  // 2 publish), %t topic, %% a percent sign.
  static keel::Result<Params> parse(std::string_view text, Scope scope);

  // "clientid=a%20b&username=...", for queries and forms.
  std::string form(const Facts& facts) const;
  // {"clientid":"a b",...}; nothing: a value is no UTF-8, which JSON cannot carry.
  std::optional<std::string> json(const Facts& facts) const;
  bool uses(char placeholder) const;

 private:
  struct Piece {
    char placeholder;  // 0: the text
    std::string text;
  };
  struct Param {
    std::string name;
    std::vector<Piece> pieces;
  };
  static keel::Result<Param> parse_one(std::string_view text, Scope scope);
  static std::string fill(const Param& param, const Facts& facts);

  std::vector<Param> params_;
};

}  // namespace auth_http
