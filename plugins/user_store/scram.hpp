// SCRAM-SHA-256 [RFC 5802, RFC 7677], the server's side, without channel binding. Sans-IO; values
// of one thread. No part of it is slow except make().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace user_store {

// What the server keeps of a password: iterations,salt,StoredKey,ServerKey in base64.
struct ScramVerifier {
  std::uint32_t iterations = 0;
  std::string salt, stored_key, server_key;

  static std::optional<ScramVerifier> parse(std::string_view text);
  std::string to_text() const;
  // Takes its time: a worker's. Empty keys: it failed.
  static ScramVerifier make(std::string_view password, std::string_view salt,
                            std::uint32_t iterations);
  // For a name nobody has: always the same salt, and keys that no proof fits.
  static ScramVerifier fake(std::string_view secret, std::string_view name,
                            std::uint32_t iterations);
};

class ScramExchange {
 public:
  // The client's first message; `problem` says why it is refused. Must be the first call.
  struct First {
    std::string name = {};
    std::string problem = {};
  };
  First begin(std::string_view client_first);
  // The server's first message. `nonce`: printable, fresh.
  std::string challenge(ScramVerifier verifier, std::string_view nonce);
  // The client's final message. The server's final message, or null: the proof is wrong, or the
  // message is none.
  std::optional<std::string> finish(std::string_view client_final) const;

  const std::string& name() const { return name_; }
  const std::string& stored_key() const { return verifier_.stored_key; }

 private:
  std::string header_, bare_, name_, nonce_, server_first_;
  ScramVerifier verifier_;
};

}  // namespace user_store
